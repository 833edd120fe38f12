import { newId } from '@strowger/kernel';
import { eventually, startNats, startPostgres, type ServerProcess } from '@strowger/testing';
import { Account, migrateTest, startWorld, type World } from './persistence.fixtures.js';
import { sql } from './index.js';

let nats: ServerProcess;
let postgres: ServerProcess;
let world: World;

beforeAll(async () => {
  [nats, postgres] = await Promise.all([startNats(), startPostgres()]);
  await migrateTest(postgres.url);
}, 30_000);
afterEach(() => world.close());
afterAll(async () => {
  await Promise.all([nats.stop(), postgres.stop()]);
});

const start = async () =>
  (world = await startWorld({ databaseUrl: postgres.url, natsUrl: nats.url, listener: true, poolSize: 4 }));

it.each(['stop', 'kill9'] as const)(
  'everything answers unavailable while Postgres is away (%s), and goes on by itself',
  async (how) => {
    await start();
    const before = (await world.seen()).length;
    await world.accounts.change(newId(), 1);
    await world.messaging.idle();
    // All connections of the pool are in use once, so that each one is found broken later.
    await Promise.all([1, 2, 3, 4].map(() => world.db.query(sql`select pg_sleep(0.01)`)));
    await postgres[how]();
    const away = { code: 'database-unavailable', kind: 'unavailable' };
    await expect(world.accounts.change(newId(), 1)).rejects.toMatchObject(away);
    await expect(world.db.query(sql`select 1`)).rejects.toMatchObject(away);
    await expect(world.db.em().find(Account, {})).rejects.toMatchObject(away);
    await expect(world.db.check()).rejects.toMatchObject(away);
    await postgres.start();
    await eventually(() => world.accounts.change(newId(), 2).then(() => true), { timeoutMs: 10_000 });
    await Promise.all([1, 2, 3, 4].map(() => world.db.query(sql`select 1`)));
    await world.messaging.idle({ timeoutMs: 20_000 });
    expect(await world.seen()).toHaveLength(before + 2);
    expect(world.relay.active).toBe(true);
    // More at once than the pool has, so none of its places is held by a connection that died.
    await Promise.all(
      Array.from({ length: 10 }, () => world.db.transactional(() => world.db.query(sql`select pg_sleep(0.02)`))),
    );
  },
  60_000,
);

it('starts while Postgres is away', async () => {
  await postgres.stop();
  await start();
  await expect(world.db.check()).rejects.toMatchObject({ code: 'database-unavailable' });
  await postgres.start();
  await eventually(() => world.db.check().then(() => true), { timeoutMs: 10_000 });
  await eventually(() => world.relay.active, { timeoutMs: 10_000 });
}, 40_000);
