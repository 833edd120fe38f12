import { freePort } from '../../../tools/setup/machine.ts';
import type { ServerProcess } from '../../../tools/setup/server-process.ts';
import { startNats as nats, startPostgres as postgres, startRedis as redis } from '../../../tools/setup/servers.ts';
import { privateFolder, startTestServers, type TestServers } from '../../../tools/setup/test-servers.ts';
import { Redis } from 'ioredis';

export { freePort };
export type { ServerProcess, TestServers };

let started: Promise<TestServers> | undefined;

/**
 * The servers of this test run. Jest's global set-up starts them once; a process without it (a script) gets its own,
 * which end with the process or by `stop()`.
 */
export function servers(): Promise<TestServers> {
  const {
    STROWGER_TEST_POSTGRES_URL: postgresUrl,
    STROWGER_TEST_REDIS_URL: redisUrl,
    STROWGER_TEST_NATS_URL: natsUrl,
  } = process.env;
  if (postgresUrl && redisUrl && natsUrl) {
    return Promise.resolve({ postgresUrl, redisUrl, natsUrl, stop: () => Promise.resolve() });
  }
  return (started ??= startTestServers());
}

/** A PostgreSQL of one's own (superuser `url`), for tests that stop, kill and restart it. Port and data stay. */
export async function startPostgres(
  options: { settings?: Record<string, string | number> } = {},
): Promise<ServerProcess> {
  return postgres({ dir: privateFolder('pg'), port: await freePort(), password: 'test', ...options });
}

/** A Redis of one's own. It keeps its data over `kill9()`; `wipe()` while it is stopped loses them. */
export async function startRedis(): Promise<ServerProcess> {
  return redis({ dir: privateFolder('redis'), port: await freePort() });
}

/** A nats-server with JetStream of one's own. It keeps its streams over `kill9()`; `wipe()` while it is stopped loses them. */
export async function startNats(): Promise<ServerProcess> {
  return nats({ dir: privateFolder('nats'), port: await freePort() });
}

/**
 * A private nats-server for one spec file (up in about 50 ms): streams and consumers are global to a server, so specs
 * cannot share one. Stop it in `afterAll`.
 */
export const testNats = startNats;

/** An empty database number of the run's Redis that no other spec uses. */
export async function testRedisUrl(): Promise<string> {
  const { redisUrl } = await servers();
  const client = new Redis(redisUrl, { db: 0, lazyConnect: true });
  try {
    await client.connect();
    const [, databases] = (await client.config('GET', 'databases')) as [string, string];
    const taken = await client.incr('strowger:test:databases');
    const number = 1 + ((taken - 1) % (Number(databases) - 1));
    await client.select(number);
    await client.flushdb();
    const url = new URL(redisUrl);
    url.pathname = `/${number}`;
    return url.href;
  } finally {
    client.disconnect();
  }
}
