import { fileURLToPath } from 'node:url';
import { hierarchyRpc as h, UserSavedV1, type ImportView } from '@strowger/contracts-hierarchy';
import { PLATFORM_SCOPE, type RpcContract } from '@strowger/kernel';
import { migrate, openOrm } from '@strowger/persistence';
import { Rpc } from '@strowger/rpc';
import {
  eventually,
  freePort,
  servers,
  spawnService,
  testDatabase,
  testNats,
  type SpawnedService,
} from '@strowger/testing';
import { SERVICE } from '../../app.module.js';
import { OPERATOR } from '../../hierarchy.fixtures.js';
import { MIGRATIONS } from '../../migrations/index.js';

const loader = fileURLToPath(new URL('../../../../../libs/testing/src/from-source.ts', import.meta.url));
const entry = fileURLToPath(new URL('../../main.ts', import.meta.url));
const ROWS = 1500;
const SEATS = 1000;

it('an import whose process is killed in the middle is finished by the next one, each row done once', async () => {
  await servers();
  const nats = await testNats();
  const database = await testDatabase(SERVICE, async (databaseUrl) => {
    await migrate({ databaseUrl, service: SERVICE, migrations: MIGRATIONS });
  });
  const orm = await openOrm({ service: SERVICE, databaseUrl: database.url, poolSize: 2, entities: [] });
  const rpc = await Rpc.connect({ natsUrl: nats.url, name: 'spec' });
  const env = {
    STROWGER_MODE: 'development',
    NATS_URL: nats.url,
    DATABASE_URL: database.url,
    IMPORT_BATCH_ROWS: '40',
    LOG_LEVEL: 'error',
  };
  const spawn = async (): Promise<SpawnedService> => {
    const opsPort = await freePort();
    return spawnService({
      entry,
      env: { ...env, OPS_PORT: String(opsPort), OPS_HOST: '127.0.0.1', NODE_OPTIONS: `--import=${loader}` },
      readyUrl: `http://127.0.0.1:${opsPort}/readyz`,
      timeoutMs: 60_000,
    });
  };
  const call = <B extends object, R>(contract: RpcContract<B, R>, body: B): Promise<R> =>
    rpc.call(contract, { scope: PLATFORM_SCOPE, actor: OPERATOR, body });
  const counted = async (query: string): Promise<number> =>
    Number((await orm.em.fork().execute<{ n: string }[]>(`select count(*) as n from ${query}`))[0]!.n);
  const running: SpawnedService[] = [];
  try {
    running.push(await spawn());
    const provider = await call(h.createSystemProvider, { name: 'Crash' });
    await call(h.setPurchase, {
      systemProviderId: provider.id,
      application: 'UnityDesktop',
      licenseType: 'Pro',
      quantity: SEATS,
    });
    const rows = Array.from({ length: ROWS }, (_, i) => `acme,g${i % 7},u${i}@acme.example,UnityDesktop,Pro`);
    const content = ['resellerId,groupId,broadworksUserId,applicationName,licenseType', ...rows].join('\n');
    const { id } = await call(h.startImport, { systemProviderId: provider.id });
    await call(h.addImportPart, { id, number: 0, content: content.slice(0, 100_000) });
    await call(h.addImportPart, { id, number: 1, content: content.slice(100_000) });
    await call(h.finishImport, { id, parts: 2 });
    const done = async (): Promise<number> => {
      const { created, failed } = await call(h.getImport, { id });
      return created + failed;
    };
    // Twice: once among the first rows, once later.
    for (const share of [0.1, 0.5]) {
      await eventually(async () => (await done()) > ROWS * share, { timeoutMs: 60_000 });
      await running.at(-1)!.kill9();
      running.push(await spawn());
    }
    let view: ImportView | undefined;
    await eventually(async () => (view = await call(h.getImport, { id })).state === 'done', { timeoutMs: 60_000 });
    expect(view).toMatchObject({ rows: ROWS, created: SEATS, kept: 0, failed: ROWS - SEATS });
    expect(await counted('app_user')).toBe(SEATS);
    expect(await counted('license_assignment where ended_at is null')).toBe(SEATS);
    expect(await counted("license_ledger where kind = 'assignment'")).toBe(SEATS);
    expect(await counted(`outbox where type = '${UserSavedV1.type}'`)).toBe(SEATS);
    expect(await counted("history_entry where object_kind = 'user' and action = 'created'")).toBe(SEATS);
    const [pool] = await orm.em.fork().execute<{ committed: number }[]>('select committed from license_pool');
    expect(pool!.committed).toBe(SEATS);
  } finally {
    await running.at(-1)?.kill9();
    await rpc.close();
    await orm.close();
    await database.drop();
    await nats.stop();
  }
}, 240_000);
