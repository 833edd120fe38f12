import { appendFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { startMailSink, type MailSink, type StoredMail } from './index.js';

const file = join(mkdtempSync(join(tmpdir(), 'mail-sink-')), 'mail.jsonl');
let sink: MailSink;

beforeEach(async () => {
  sink = await startMailSink({ smtpPort: 0, httpPort: 0, file });
  sink.mailbox.clear();
});
afterEach(() => sink.stop());

const send = (over: object = {}): Promise<unknown> =>
  createTransport({ url: sink.smtpUrl, auth: { user: 'any', pass: 'thing' } }).sendMail({
    from: 'Strowger <noreply@strowger.example>',
    to: 'ann@example.com',
    subject: 'Enablement failed – 2015550123',
    text: 'Reason: LRN mismatch',
    ...over,
  });

const listed = async (query = ''): Promise<StoredMail[]> =>
  (await (await fetch(`${sink.httpUrl}/api/messages${query}`)).json()) as StoredMail[];

it('lists what was sent, newest first, by recipient, subject and time', async () => {
  await send({ to: 'ann@example.com, bob@example.com' });
  await send({ to: 'cy@example.com', subject: 'Digest', html: '<b>3 alerts</b>' });
  expect((await listed()).map((mail) => mail.subject)).toEqual(['Digest', 'Enablement failed – 2015550123']);
  expect(await listed('?to=BOB')).toEqual([
    expect.objectContaining({
      from: 'noreply@strowger.example',
      to: ['ann@example.com', 'bob@example.com'],
      text: expect.stringContaining('LRN mismatch') as string,
    }),
  ]);
  expect(await listed('?subject=digest&since=2020-01-01T00:00:00Z')).toHaveLength(1);
  expect(await listed('?since=2999-01-01')).toEqual([]);
});

it('keeps mail over a restart, also after a torn last line', async () => {
  await send();
  await sink.stop();
  appendFileSync(file, '{"id":"cut sh');
  sink = await startMailSink({ smtpPort: 0, httpPort: 0, file });
  await send({ subject: 'second' });
  expect((await listed()).map((mail) => mail.subject)).toEqual(['second', 'Enablement failed – 2015550123']);
});

it.each([451, 550])('answers %d so often as asked, then serves again', async (code) => {
  const response = await fetch(`${sink.httpUrl}/api/behaviour`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ rejectNext: 1, code }),
  });
  expect(response.status).toBe(200);
  await expect(send()).rejects.toMatchObject({ responseCode: code });
  expect(await listed()).toEqual([]);
  await send();
  expect(await listed()).toHaveLength(1);
});

it('refuses a recipient when asked to', async () => {
  sink.behave({ rejectNext: 1, code: 550, at: 'rcpt' });
  await expect(send()).rejects.toMatchObject({ code: 'EENVELOPE' });
});

it('drops the connection after taking the mail: the sender cannot know', async () => {
  sink.behave({ rejectNext: 1, code: 'drop' });
  await expect(send()).rejects.toThrow();
  expect(await listed()).toHaveLength(1);
});

it('shows mail as text, never as part of its own page', async () => {
  await send({ subject: '<script>alert(1)</script>', html: '"><script>alert(2)</script>' });
  const [mail] = await listed();
  const pages = await Promise.all(
    ['/', `/messages/${mail!.id}`].map(async (path) => (await fetch(sink.httpUrl + path)).text()),
  );
  for (const html of pages) expect(html).not.toContain('<script>');
  expect(pages[1]).toContain('<iframe sandbox');
});

it('does not change its behavior for a form of a foreign page', async () => {
  const response = await fetch(`${sink.httpUrl}/api/behaviour`, { method: 'POST', body: '{"rejectNext":9}' });
  expect(response.status).toBe(400);
});
