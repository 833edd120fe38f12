/**
 * The servers of one test run: a folder per run under .local/test, one PostgreSQL, Redis and NATS in it.
 * They die with the run (dieWithParent); what a crashed run left is cleared by the next. Types: test-servers.d.mts.
 */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, isAlive, makeFolder, reachableFolder, startNats, startPostgres, startRedis } from './servers.mjs';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const ENV = {
  postgresUrl: 'STROWGER_TEST_POSTGRES_URL',
  redisUrl: 'STROWGER_TEST_REDIS_URL',
  natsUrl: 'STROWGER_TEST_NATS_URL',
};
/** The run's folder; also set in the workers, so that all of a run share one. */
const RUN = 'STROWGER_TEST_RUN';
const OWNER_FILE = 'owner.pid';

/** Folder of this test run, removed by the process that made it. */
export function runFolder() {
  const given = process.env[RUN];
  if (given) return given;
  const home = reachableFolder(join(REPOSITORY, '.local/test'));
  sweep(home);
  const folder = makeFolder(join(home, `${process.pid}-${randomBytes(4).toString('hex')}`));
  writeFileSync(join(folder, OWNER_FILE), String(process.pid));
  process.env[RUN] = folder;
  return folder;
}

/** Removes the folders of runs whose process is gone, and ends the servers that still work in them. */
function sweep(home) {
  for (const name of readdirSync(home)) {
    const folder = join(home, name);
    let owner;
    try {
      owner = Number(readFileSync(join(folder, OWNER_FILE), 'utf8'));
    } catch {
      owner = Number(name.split('-')[0]);
    }
    if (owner > 0 && isAlive(owner)) continue;
    for (const pid of processesIn(folder)) process.kill(pid, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Processes that work in the folder: only servers that a run of ours started there. */
function processesIn(folder) {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .filter((pid) => `${workingFolder(pid)}/`.startsWith(`${folder}/`))
      .map(Number);
  } catch {
    return []; // no /proc on this system
  }
}

function workingFolder(pid) {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}

/** A new folder of this run for one private server. */
export function privateFolder(kind) {
  return makeFolder(join(runFolder(), `${kind}-${randomBytes(5).toString('hex')}`));
}

/** The three servers, in parallel; those whose address the environment names are used as they are and left running. */
export async function startTestServers() {
  const given = Object.fromEntries(Object.entries(ENV).map(([key, name]) => [key, process.env[name]]));
  const folder = runFolder();
  const start = {
    postgresUrl: async () =>
      startPostgres({
        dir: makeFolder(join(folder, 'pg')),
        port: await freePort(),
        password: randomBytes(12).toString('hex'),
      }),
    redisUrl: async () =>
      startRedis({
        dir: makeFolder(join(folder, 'redis')),
        port: await freePort(),
        persistent: false,
        databases: 1024,
      }),
    natsUrl: async () => startNats({ dir: makeFolder(join(folder, 'nats')), port: await freePort() }),
  };
  const results = await Promise.allSettled(
    Object.entries(start).map(async ([key, begin]) => [key, given[key] ? undefined : await begin()]),
  );
  const started = results.filter((r) => r.status === 'fulfilled').map((r) => r.value);
  const stop = async () => {
    await Promise.all(started.map(([, server]) => server?.stop()));
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  const failed = results.find((r) => r.status === 'rejected');
  if (failed) {
    await stop();
    throw failed.reason;
  }
  const urls = Object.fromEntries(started.map(([key, server]) => [key, server?.url ?? given[key]]));
  return { ...urls, stop };
}

/** Puts the addresses where `servers()` of libs/testing, also in workers, finds them. */
export function publishTestServers(urls) {
  for (const [key, name] of Object.entries(ENV)) process.env[name] = urls[key];
}
