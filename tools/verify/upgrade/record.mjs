/**
 * Records what an installation of a released version leaves behind when it is stopped in the middle of its work:
 * databases, streams, spool and the carrier's own state, with a list of what must be true once the next version has
 * taken it over. `apps/e2e/src/upgrade.e2e.spec.ts` reads it.
 *
 *   node tools/verify/upgrade/record.mjs --checkout FOLDER [--out FILE]
 *
 * FOLDER is a checkout of that version with its packages, built (`npm run build`). Needs pg_dump.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { REPOSITORY } from '../../setup/steps.mjs';
import { databasesOf, spoolOf, streamsOf } from './capture.mjs';
import { Situation } from './situation.mjs';

const { values } = parseArgs({ options: { checkout: { type: 'string' }, out: { type: 'string' } } });
if (!values.checkout) throw new Error('--checkout FOLDER: the released version, built');
const checkout = resolve(values.checkout);
const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'));
const out = resolve(values.out ?? join(REPOSITORY, `apps/e2e/fixtures/upgrade/${version}.json.gz`));

/** Nothing is hurried along here: what hangs is to hang until the end, and what is due later is due after it. */
const ENV = {
  gateway: { RPC_TIMEOUT_SECONDS: 8 },
  ingestion: { SPOOL_SEGMENT_BYTES: 64 * 1024 },
  provisioning: {
    ENABLEMENT_POLL_SECONDS: 1,
    ENABLEMENT_RATE_PER_SECOND: 100,
    CARRIER_READ_MS: 60_000,
    CARRIER_LOOK_AGAIN_MS: '200,500',
    CARRIER_UNDO_ATTEMPTS: 2,
    CARRIER_UNDO_BACKOFF_MS: 50,
    CARRIER_CLEANUP_SECONDS: 60,
    MESSAGE_EXCHANGE_REMOVE_ON_RELEASE: true,
  },
  routing: {
    NUMBER_RATE_PER_SECOND: 0,
    SEND_PROBE_SECONDS: '60',
    CARRIER_TIMEOUT_SECONDS: 100,
    RECONCILE_GRACE_SECONDS: 60,
  },
  'carrier-twins': { TWINS_JOB_DELAY_MS: 300 },
};

const from = (path) => import(join(checkout, path));
const { removeData, startStack } = await from('tools/setup/stack.mjs');
const tools = { ...(await from('tools/api-client/dist/index.js')), ...(await from('libs/sms/dist/index.js')) };
const twins = await from('tools/carrier-twins/dist/index.js');

const home = mkdtempSync(join(tmpdir(), 'strowger-record-'));
const say = (text) => console.log(`${new Date().toISOString().slice(11, 19)} ${text}`);
say(`Starting version ${version}`);
const stack = await startStack({ home, portBase: 31_000, env: ENV });
let kept = true;
try {
  const situation = new Situation(stack, { ...tools, ...twins }, say);
  await situation.atRest();
  await situation.inTheMiddle();
  say('Reading what is left');
  const databases = databasesOf(stack.urls.postgresUrl);
  await stack.servers.find(({ name }) => name === 'NATS').start();
  const streams = await streamsOf(stack.urls.natsUrl);
  const { keyring, tokenSecret, operatorPassword } = stack.secrets;
  const fixture = {
    version,
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: checkout, encoding: 'utf8' }).trim(),
    stoppedAt: situation.stoppedAt.toISOString(),
    secrets: { keyring, tokenSecret, operatorPassword },
    truths: situation.truths,
    databases,
    streams,
    spool: spoolOf(join(stack.dataDir, 'spool')),
    twins: JSON.parse(readFileSync(join(stack.dataDir, 'twins.json'), 'utf8')),
    mails: readFileSync(join(stack.dataDir, 'mail.jsonl'), 'utf8'),
  };
  // Old addresses are useless: the program that reads the record puts in the present ones.
  let text = JSON.stringify(fixture);
  for (const name of ['gatewayUrl', 'hooksUrl', 'twinsUrl', 'mailUrl'])
    text = text.replaceAll(stack.urls[name], `{{${name}}}`);
  for (const trace of [home, checkout, '127.0.0.1:'])
    if (text.includes(trace)) throw new Error(`The recording still contains ${trace}`);
  mkdirSync(dirname(out), { recursive: true });
  const packed = gzipSync(text, { level: 9 });
  writeFileSync(out, packed);
  say(`${out}: ${Math.round(packed.length / 1024)} KiB (${Math.round(text.length / 1024)} KiB unpacked)`);
  kept = false;
} finally {
  await stack.stop();
  if (kept) say(`Logs and data of the failed run stay in ${home}`);
  else {
    removeData(join(home, 'data'));
    rmSync(home, { recursive: true, force: true });
  }
}
