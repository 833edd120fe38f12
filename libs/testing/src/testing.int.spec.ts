import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import { Redis } from 'ioredis';
import { withClient } from '../../../tools/setup/database.ts';
import { privateFolder } from '../../../tools/setup/test-servers.ts';
import { eventually, spawnService, startNats, startPostgres, startRedis, testDatabase, testRedisUrl } from './index.js';

const ordersTable = async (url: string): Promise<void> => {
  await withClient(url, (client) => client.query('CREATE TABLE orders (id int PRIMARY KEY)'));
};

describe('testDatabase', () => {
  it('gives each caller its own copy of the migrated schema', async () => {
    const [one, two] = await Promise.all([testDatabase('shop', ordersTable), testDatabase('shop', ordersTable)]);
    await withClient(one.url, (client) => client.query('INSERT INTO orders VALUES (1)'));
    const rows = (url: string) => withClient(url, async (c) => (await c.query('SELECT id FROM shop.orders')).rows);
    expect(await rows(one.url)).toEqual([{ id: 1 }]);
    expect(await rows(two.url)).toEqual([]);
    await Promise.all([one.drop(), two.drop()]);
  });

  it('migrates once for all copies, and again after a failed migration', async () => {
    let calls = 0;
    const migrate = async (url: string): Promise<void> => {
      calls += 1;
      if (calls === 1) throw new Error('first try');
      await ordersTable(url);
    };
    await expect(testDatabase('shop', migrate)).rejects.toThrow('first try');
    const databases = await Promise.all([testDatabase('shop', migrate), testDatabase('shop', migrate)]);
    expect(calls).toBe(2);
    await Promise.all(databases.map((database) => database.drop()));
  });

  it('logs in as the service, who cannot create anything outside its schema', async () => {
    const database = await testDatabase('shop', ordersTable);
    await withClient(database.url, async (client) => {
      expect((await client.query('SELECT current_user::text, current_schema::text')).rows).toEqual([
        { current_user: 'shop', current_schema: 'shop' },
      ]);
      await expect(client.query('CREATE TABLE public.strays (id int)')).rejects.toThrow('permission denied');
    });
    await database.drop();
  });
});

describe('testRedisUrl', () => {
  it('gives each caller an empty database', async () => {
    const clients = [new Redis(await testRedisUrl()), new Redis(await testRedisUrl())] as const;
    await clients[0].set('key', 'value');
    expect(await clients[1].get('key')).toBeNull();
    for (const client of clients) client.disconnect();
  });
});

describe('private servers', () => {
  it('PostgreSQL keeps committed rows over kill -9', async () => {
    const postgres = await startPostgres();
    await withClient(postgres.url, (client) => client.query('CREATE TABLE kept AS SELECT 7 AS n'));
    await postgres.kill9();
    await postgres.start();
    const kept = await withClient(postgres.url, async (client) => (await client.query('SELECT n FROM kept')).rows);
    expect(kept).toEqual([{ n: 7 }]);
    await postgres.stop();
  });

  it('Redis keeps its keys over kill -9 and loses them when wiped', async () => {
    const redis = await startRedis();
    const client = new Redis(redis.url);
    client.on('error', () => undefined);
    await client.set('key', 'value');
    await redis.kill9();
    await redis.start();
    expect(await client.get('key')).toBe('value');
    await redis.stop();
    redis.wipe();
    await redis.start();
    expect(await client.get('key')).toBeNull();
    client.disconnect();
    await redis.stop();
  });

  it('NATS keeps its streams over kill -9', async () => {
    const nats = await startNats();
    const first = await connect({ servers: nats.url, reconnect: false });
    await (await jetstreamManager(first)).streams.add({ name: 'KEPT', subjects: ['kept.>'] });
    await nats.kill9();
    await nats.start();
    const second = await connect({ servers: nats.url });
    expect((await (await jetstreamManager(second)).streams.info('KEPT')).config.name).toBe('KEPT');
    await second.close();
    await nats.stop();
    expect(nats.pid).toBeUndefined();
  });
});

describe('spawnService', () => {
  const program = (name: string, source: string): string => {
    const file = join(privateFolder('program'), name);
    writeFileSync(file, source);
    return file;
  };

  it('waits for the ready line, passes no foreign environment, and stops by SIGTERM', async () => {
    const entry = program(
      'polite.mjs',
      `process.on('SIGTERM', () => process.exit(3)); setInterval(() => {}, 1000);
       console.log('ready', process.env.GREETING, process.env.STROWGER_TEST_POSTGRES_URL);`,
    );
    const service = await spawnService({ entry, env: { GREETING: 'hello' }, readyLine: /^ready/ });
    expect(service.output()).toContain('ready hello undefined');
    expect(await service.stop()).toBe(3);
  });

  it('shows what the process said when it ends instead', async () => {
    const entry = program('broken.mjs', `console.error('no such setting'); process.exit(2);`);
    await expect(spawnService({ entry, env: {}, readyLine: 'ready' })).rejects.toThrow(
      /ended \(2\)[^]*no such setting/,
    );
  });
});

describe('eventually', () => {
  it('answers the first value that passes', async () => {
    let n = 0;
    expect(await eventually(() => (++n > 2 ? n : undefined))).toBe(3);
  });

  it('names what it waited for and the last failure', async () => {
    const waiting = eventually(() => expect(1).toBe(2), { timeoutMs: 20, message: 'one becomes two' });
    await expect(waiting).rejects.toThrow(/one becomes two: not within 20 ms;/);
  });
});
