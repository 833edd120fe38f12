import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DEVELOPMENT_KEYRING } from '@strowger/config';
import { migrate, type MigrationClass } from '@strowger/persistence';
import {
  eventually,
  freePort,
  type SpawnedService,
  spawnService,
  type TestDatabase,
  testDatabase,
  testNats,
  testRedisUrl,
} from '@strowger/testing';

const APPS = fileURLToPath(new URL('../..', import.meta.url));
/** Nobody is asked anything here. */
const NOBODY = 'http://127.0.0.1:1';

let nats: Awaited<ReturnType<typeof testNats>>;
let database: TestDatabase | undefined;
let running: SpawnedService | undefined;
beforeAll(async () => (nats = await testNats()));
afterEach(async () => {
  await running?.kill9();
  await database?.drop();
  [running, database] = [undefined, undefined];
});
afterAll(() => nats.stop());

it.each(['hierarchy', 'provisioning', 'routing', 'notification'])(
  '%s is not ready while its database is one migration behind, and names it; then it is, without a restart',
  async (service) => {
    const { MIGRATIONS } = (await import(`../../${service}/src/migrations/index.js`)) as {
      MIGRATIONS: readonly MigrationClass[];
    };
    const last = MIGRATIONS.at(-1)!;
    database = await testDatabase(service, async (databaseUrl) => {
      await migrate({ databaseUrl, service, migrations: MIGRATIONS.slice(0, -1) });
    });
    const opsPort = String(await freePort());
    const env = {
      PATH: process.env['PATH'],
      STROWGER_MODE: 'test',
      DATABASE_URL: database.url,
      NATS_URL: nats.url,
      REDIS_URL: await testRedisUrl(),
      OPS_HOST: '127.0.0.1',
      STROWGER_SECRET_KEYS: DEVELOPMENT_KEYRING,
      OPS_PORT: opsPort,
      SMTP_URL: 'smtp://127.0.0.1:1',
      HOOKS_PUBLIC_URL: NOBODY,
      RESTCOMM_BASE_URLS: NOBODY,
      MESSAGE_EXCHANGE_BASE_URLS: NOBODY,
      TELEAPI_BASE_URLS: NOBODY,
    };
    const entry = (file: string): string => join(APPS, service, 'dist', file);
    running = await spawnService({ entry: entry('main.js'), env, readyLine: /"service-started"/, timeoutMs: 60_000 });
    const readiness = async () => {
      const response = await fetch(`http://127.0.0.1:${opsPort}/readyz`);
      return { status: response.status, body: await response.json() };
    };
    expect(await readiness()).toMatchObject({
      status: 503,
      body: { checks: { database: 'failing' }, reasons: { database: expect.stringContaining(last.name) } },
    });
    expect(running.output()).toContain('"schema-behind"');
    await promisify(execFile)(process.execPath, [entry('migrate.js')], { env });
    await eventually(async () => (await readiness()).status === 200, { timeoutMs: 15_000 });
  },
  120_000,
);
