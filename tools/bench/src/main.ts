import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { removeData, type Stack, type StackService, startStack } from '../../setup/stack.ts';
import { Bench, SIZES } from './bench.js';
import { measureAssigning, measureEnsurePath, measureListing, measureSoap } from './hierarchy.js';
import { measureAccepting, measureDrain, measureEndToEnd } from './inbound.js';
import { Load } from './load.js';
import { measureBatches, measureOutbound, measureSending } from './outbound.js';
import { Report } from './report.js';
import { measureSaga } from './saga.js';
import { Tenant } from './tenant.js';

/**
 * `npm run bench [-- --json] [-- --quick] [-- --only=metric,…] [-- --users=50] [-- --profile=service,…]`: the system on
 * servers of its own, with fsync, each figure beside its floor from the same run. Exit code 1 when something broke or a
 * message was lost; a missed aim is only shown. `--profile` leaves CPU profiles of these services in `.local/profiles`.
 */
const repository = fileURLToPath(new URL('../../..', import.meta.url));
const METRICS = [
  'F',
  'ingest.accept',
  'inbound.end-to-end',
  'inbound.latency',
  'outbound.live',
  'outbound.batch',
  'outbound.drain',
  'saga.provision',
  'drain',
  'soap.call',
  'hierarchy.ensure-path',
  'license.assign',
  'hierarchy.list',
  'memory',
] as const;
const RSS_LIMIT_MB = 350;

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    users: { type: 'string', default: '50' },
    profile: { type: 'string', multiple: true, default: [] },
  },
});
const list = (given: string[]): string[] => given.flatMap((part) => part.split(',')).filter(Boolean);
const only = list(options.only);
for (const name of only)
  if (!(METRICS as readonly string[]).includes(name)) {
    console.error(`bench: no metric ${name}. One of: ${METRICS.join(', ')}`);
    process.exit(2);
  }
const wanted = (name: (typeof METRICS)[number]): boolean => only.length === 0 || only.includes(name);

function environment(): Partial<Record<StackService | '*', Record<string, string | number>>> {
  const env: Partial<Record<StackService | '*', Record<string, string | number>>> = {
    '*': { LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'warn' },
    // The carriers' own pace is not what is measured; reconciling as often as in production.
    routing: { NUMBER_RATE_PER_SECOND: 0, RECONCILE_SECONDS: 300 },
    provisioning: { ENABLEMENT_POLL_SECONDS: 1200 },
    gateway: {
      CLIENT_TOKEN_SECONDS: 3600,
      ACCESS_TOKEN_SECONDS: 3600,
      // One address makes all the calls.
      PROVISION_SOAP_RATE_PER_SECOND: 0,
      SENDS_PER_SECOND_OF_USER: 0,
      SENDS_PER_SECOND_OF_PROVIDER: 0,
      SENDS_PER_SECOND_FROM_ADDRESS: 0,
      SOCKETS_OF_USER: 0,
      SOCKETS_FROM_ADDRESS: 0,
    },
  };
  for (const service of list(options.profile) as StackService[]) {
    const folder = join(repository, '.local/profiles', service);
    mkdirSync(folder, { recursive: true });
    env[service] = { ...env[service], NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder}` };
  }
  return env;
}

const report = new Report(options.json);
mkdirSync(join(repository, '.local'), { recursive: true });
const home = mkdtempSync(join(repository, '.local/bench-'));
let stack: Stack | undefined;
let bench: Bench | undefined;
let stopping: Promise<void> | undefined;

const stop = (): Promise<void> =>
  (stopping ??= (async () => {
    await bench?.close().catch((error: unknown) => report.note(String(error)));
    await stack?.stop();
    removeData(join(home, 'data'));
    rmSync(home, { recursive: true, force: true });
  })());
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    if (stopping) return void stack?.kill().finally(() => process.exit(130));
    report.note('stopping …');
    void stop().finally(() => process.exit(130));
  });

async function measure(running: Stack): Promise<void> {
  report.note('making a tenant …');
  const tenant = await Tenant.make(running, Number(options.users));
  bench = new Bench(running, tenant, new Load(), SIZES[options.quick ? 'quick' : 'full'], report);
  const needsFloor = METRICS.slice(0, 7).some(wanted);
  const floor = needsFloor ? await measureAccepting(bench, wanted('ingest.accept')) : 0;
  const [throughput, latency] = [wanted('inbound.end-to-end'), wanted('inbound.latency')];
  if (throughput || latency) await measureEndToEnd(bench, floor, { throughput, latency });
  if (wanted('outbound.live')) await measureSending(bench, floor);
  if (wanted('outbound.batch')) await measureBatches(bench, floor);
  if (wanted('outbound.drain')) await measureOutbound(bench, floor);
  if (wanted('saga.provision')) await measureSaga(bench);
  if (wanted('drain')) await measureDrain(bench);
  if (wanted('soap.call')) await measureSoap(bench);
  if (wanted('hierarchy.ensure-path') || wanted('license.assign')) {
    const userIds = await measureEnsurePath(bench);
    if (wanted('license.assign')) await measureAssigning(bench, userIds);
  }
  if (wanted('hierarchy.list')) await measureListing(bench);
  if (wanted('memory'))
    for (const [service, megabytes] of [...bench.memory()].sort())
      report.add(
        `memory.${service}`,
        'MB',
        megabytes,
        null,
        { limit: RSS_LIMIT_MB },
        { of: 'value', most: RSS_LIMIT_MB },
      );
}

try {
  report.note('starting the system …');
  const running = await startStack({
    home,
    // Below the ports that connections going out take, which may be in use by the hundred after a measurement.
    portBase: 29_000,
    durable: true,
    env: environment(),
    created: (made) => (stack = made),
  });
  await Promise.race([measure(running), running.failed.then((error) => Promise.reject(error))]);
} catch (error) {
  if (!stopping) report.fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
} finally {
  await stop();
}
report.print();
process.exitCode = report.failures.length > 0 ? 1 : 0;
