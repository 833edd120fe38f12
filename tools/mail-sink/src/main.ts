import { startMailSink } from './index.js';

const { MAIL_SINK_SMTP_PORT = '1025', MAIL_SINK_HTTP_PORT = '8025', MAIL_SINK_HOST, MAIL_SINK_FILE } = process.env;

const sink = await startMailSink({
  smtpPort: Number(MAIL_SINK_SMTP_PORT),
  httpPort: Number(MAIL_SINK_HTTP_PORT),
  host: MAIL_SINK_HOST,
  file: MAIL_SINK_FILE,
});
console.log(`mail sink: ${sink.smtpUrl} takes mail, ${sink.httpUrl} shows it`);

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => void sink.stop().then(() => process.exit(0)));
}
