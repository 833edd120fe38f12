/**
 * The servers of one test run: a folder per run under .local/test, one PostgreSQL, Redis and NATS in it.
 * They die with the run (dieWithParent); what a crashed run left is cleared by the next.
 */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, isAlive, makeFolder, reachableFolder } from './machine.ts';
import type { ServerProcess } from './server-process.ts';
import { startNats, startPostgres, startRedis } from './servers.ts';
import type { ServerUrls } from './service-env.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const URLS: (keyof ServerUrls)[] = ['postgresUrl', 'redisUrl', 'natsUrl'];
const ENV: Record<keyof ServerUrls, string> = {
  postgresUrl: 'STROWGER_TEST_POSTGRES_URL',
  redisUrl: 'STROWGER_TEST_REDIS_URL',
  natsUrl: 'STROWGER_TEST_NATS_URL',
};
/** The run's folder; also set in the workers, so that all of a run share one. */
const RUN = 'STROWGER_TEST_RUN';
const OWNER_FILE = 'owner.pid';

/** Folder of this test run, removed by the process that made it. */
export function runFolder(): string {
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
function sweep(home: string): void {
  for (const name of readdirSync(home)) {
    const folder = join(home, name);
    let owner: number;
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
function processesIn(folder: string): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .filter((pid) => `${workingFolder(pid)}/`.startsWith(`${folder}/`))
      .map(Number);
  } catch {
    return []; // no /proc on this system
  }
}

function workingFolder(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}

/** A new folder of this run for one private server. */
export function privateFolder(kind: string): string {
  return makeFolder(join(runFolder(), `${kind}-${randomBytes(5).toString('hex')}`));
}

export interface TestServers extends ServerUrls {
  stop(): Promise<void>;
}

/** The three servers, in parallel; those whose address the environment names are used as they are and left running. */
export async function startTestServers(): Promise<TestServers> {
  const folder = runFolder();
  const start: Record<keyof ServerUrls, () => Promise<ServerProcess>> = {
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
  const urls: ServerUrls = { postgresUrl: '', redisUrl: '', natsUrl: '' };
  const started: ServerProcess[] = [];
  const results = await Promise.allSettled(
    URLS.map(async (key) => {
      const given = process.env[ENV[key]];
      const server = given ? undefined : await start[key]();
      if (server) started.push(server);
      urls[key] = given ?? server?.url ?? '';
    }),
  );
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()));
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) {
    await stop();
    throw failed.reason;
  }
  return { ...urls, stop };
}

/** Puts the addresses where `servers()` of libs/testing, also in workers, finds them. */
export function publishTestServers(urls: ServerUrls): void {
  for (const key of URLS) process.env[ENV[key]] = urls[key];
}
