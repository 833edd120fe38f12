/** `npm start`: everything on this machine until Ctrl-C. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildStep } from '../build.ts';
import { ensureServers } from './install-servers.ts';
import { isAlive, makeFolder } from './machine.ts';
import { removeData, type Stack, startStack } from './stack.ts';
import { LOCAL, REPOSITORY, runLogged, SetupError, Steps } from './steps.mjs';

const READY_FILE = join(LOCAL, 'ready.json');
/** What the seed is given: there is nobody to log in as yet. */
const SEEDING_FILE = join(LOCAL, 'seeding.json');
const PID_FILE = join(LOCAL, 'start.pid');

export async function start(out: NodeJS.WriteStream, { fresh = false } = {}): Promise<void> {
  const steps = new Steps(6, out);
  claim();
  const release = () => {
    rmSync(READY_FILE, { force: true });
    rmSync(SEEDING_FILE, { force: true });
    rmSync(PID_FILE, { force: true });
  };
  const given = {
    postgresUrl: process.env.STROWGER_POSTGRES_URL,
    redisUrl: process.env.STROWGER_REDIS_URL,
    natsUrl: process.env.STROWGER_NATS_URL,
  };
  const interrupted = interruption();
  let stack: Stack | undefined;
  try {
    await steps.run('build', buildStep);
    if (fresh) removeData(join(LOCAL, 'data'));
    await steps.run('server programs', () =>
      ensureServers({ postgres: given.postgresUrl, redis: given.redisUrl, nats: given.natsUrl }, steps.say),
    );
    stack = await startStack({
      home: LOCAL,
      portBase: Number(process.env.STROWGER_PORT_BASE ?? 27_000),
      durable: true,
      given,
      step: (title, work) => Promise.race([steps.run(title, work), interrupted.thrown]),
      created: (it) => interrupted.watch(it),
      restarted: (service, how, child) => {
        console.log(`  ${service} ended by itself (${how}) and was started again; see ${child.logFile}`);
        if (stack && existsSync(READY_FILE)) writeReady(stack, readSeed(), READY_FILE);
      },
    });
    const ready = stack;
    await Promise.race([steps.run('demo data', () => seed(ready)), interrupted.thrown]);
    announce(ready, readSeed());
    const failure = await Promise.race([ready.failed, interrupted.asked]);
    if (failure) throw failure;
    process.stdout.write('\nStopping … ');
    await ready.stop();
    console.log('stopped. Data stays in .local/data; npm start -- --fresh forgets it.');
  } catch (error) {
    await stack?.stop();
    if (!interrupted.happened()) throw error;
    console.log('\nStopped.');
  } finally {
    release();
    interrupted.end();
  }
}

/** One instance per checkout: two would write to the same data. */
function claim(): void {
  makeFolder(LOCAL);
  const pid = existsSync(PID_FILE) ? Number(readFileSync(PID_FILE, 'utf8')) : 0;
  if (pid > 0 && pid !== process.pid && isAlive(pid) && isOurs(pid)) {
    throw new SetupError(
      `Strowger already runs from this folder (process ${pid})`,
      `Stop it with Ctrl-C there, or: kill ${pid}`,
    );
  }
  writeFileSync(PID_FILE, String(process.pid));
}

/** Process ids are used again. */
function isOurs(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('run.mjs');
  } catch {
    return true;
  }
}

/** Ctrl-C and SIGTERM stop in order; a second one stops at once. */
function interruption() {
  let ask = (_: undefined): void => {};
  let times = 0;
  let stack: Stack | undefined;
  const asked = new Promise<undefined>((resolve) => (ask = resolve));
  const onSignal = (): void => {
    times += 1;
    ask(undefined);
    if (times === 2) void stack?.kill();
  };
  const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const name of signals) process.on(name, onSignal);
  // npm or a terminal that is killed leaves us without a parent, and without a signal.
  const parent = process.ppid;
  const orphaned = setInterval(() => process.ppid !== parent && ask(undefined), 1000).unref();
  const thrown = asked.then(() => Promise.reject<never>(new SetupError('interrupted')));
  thrown.catch(() => {});
  return {
    asked,
    thrown,
    happened: () => times > 0 || process.ppid !== parent,
    watch: (it: Stack) => void (stack = it),
    end: (): void => {
      clearInterval(orphaned);
      for (const name of signals) process.off(name, onSignal);
    },
  };
}

const SEED_FILE = join(LOCAL, 'data/seed.json');

interface Seeded {
  logins?: Record<string, { email?: string; userName?: string; password: string; note?: string }>;
  serverHostName?: string;
  tryThis?: string | string[];
}

const readyOf = (stack: Stack, extra: Record<string, unknown>): Record<string, unknown> => ({
  ...stack.urls,
  ...extra,
  pids: Object.fromEntries([...stack.children].map(([name, child]) => [name, child.pid])),
});

/** The seed reads the addresses from STROWGER_READY_FILE and writes its logins as JSON to STROWGER_SEED_FILE. */
async function seed(stack: Stack): Promise<string | undefined> {
  writeReady(stack, {}, SEEDING_FILE);
  const entry = ['tools/seed.mjs', 'tools/seed/dist/main.js'].find((path) => existsSync(join(REPOSITORY, path)));
  if (!entry) return 'none';
  await runLogged('seed', process.execPath, ['--enable-source-maps', entry], {
    env: { ...process.env, STROWGER_READY_FILE: SEEDING_FILE, STROWGER_SEED_FILE: SEED_FILE },
    advice: 'npm start -- --fresh begins with empty data.',
  });
  return undefined;
}

function readSeed(): Seeded {
  return existsSync(SEED_FILE) ? JSON.parse(readFileSync(SEED_FILE, 'utf8')) : {};
}

/** For programs, whole as soon as it is there. Mode 0600, because the addresses of the servers carry passwords. */
function writeReady(stack: Stack, seeded: Seeded, file: string): void {
  const { logins = {}, serverHostName } = seeded;
  const ready = readyOf(stack, { operator: stack.operator, logins, serverHostName, pid: process.pid });
  writeFileSync(`${file}.new`, `${JSON.stringify(ready, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function announce(stack: Stack, seeded: Seeded): void {
  writeReady(stack, seeded, READY_FILE);
  rmSync(SEEDING_FILE, { force: true });
  const { gatewayUrl, docsUrl, soapUrl, twinsUrl, mailUrl, hooksUrl } = stack.urls;
  const logins = Object.values(seeded.logins ?? {}).map(
    ({ email, userName, password, note }) => `    ${email ?? userName}  ${password}  ${note ?? ''}`,
  );
  console.log(
    [
      '',
      'Strowger is ready',
      '',
      `  API and docs     ${docsUrl}`,
      `  API              ${gatewayUrl}/v1`,
      `  SOAP API         ${soapUrl}`,
      `  Carrier webhooks ${hooksUrl}`,
      `  Carrier twins    ${twinsUrl}`,
      `  Mail             ${mailUrl}`,
      ...(logins.length > 0 ? ['', '  Log in with', ...logins] : []),
      ...(seeded.tryThis ? ['', '  Try', ...[seeded.tryThis].flat().map((line) => `    ${line}`)] : []),
      '',
      '  Logs are in .local/logs. Ctrl-C stops everything.',
    ].join('\n'),
  );
}
