import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { newId } from '@strowger/kernel';
import { eventually, startNats, startPostgres, type ServerProcess } from '@strowger/testing';
import { Account, migrateTest, startWorld, type World } from './persistence.fixtures.js';
import { openOrm, sql } from './index.js';

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

/** Statements of ours that wait in Postgres now; asked from outside the pool they fill. */
const sleeping = async (): Promise<number> => {
  const outside = await openOrm({ service: 'hierarchy', databaseUrl: postgres.url, poolSize: 1, entities: [Account] });
  try {
    const rows = await outside.em
      .getConnection()
      .execute(`select 1 from pg_stat_activity where wait_event = 'PgSleep'`);
    return rows.length;
  } finally {
    await outside.close();
  }
};

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

it('says unavailable whichever way the database was asked, also of a connection that breaks meanwhile', async () => {
  await start();
  const builder = () => world.db.em() as unknown as SqlEntityManager;
  const ways: Record<string, () => Promise<unknown>> = {
    find: () => world.db.em().find(Account, {}),
    count: () => world.db.em().count(Account, {}),
    flush: () => {
      const em = world.db.em();
      em.persist(em.create(Account, { balance: 1 } as Account));
      return em.flush();
    },
    'transaction of its own': () => world.db.em().transactional((em) => em.count(Account, {})),
    'plain statement': () => world.db.em().getConnection().execute('select 1'),
    'query builder': () => builder().createQueryBuilder(Account).execute(),
    kysely: () => builder().getKysely().selectNoFrom(sql.lit(1).as('one')).execute(),
    'sql tag': () => world.db.query(sql`select 1`),
  };
  const answers = async () =>
    Object.fromEntries(
      await Promise.all(
        Object.entries(ways).map(async ([name, ask]) => [
          name,
          await ask().then(
            () => 'answered',
            (error: { code: string }) => error.code,
          ),
        ]),
      ),
    ) as Record<string, string>;
  const each = (answer: string) => Object.fromEntries(Object.keys(ways).map((name) => [name, answer]));
  expect(await answers()).toEqual(each('answered'));
  const asleep = Promise.allSettled(
    [1, 2, 3, 4].map(() => world.db.em().getConnection().execute('select pg_sleep(30)')),
  );
  await eventually(async () => (await sleeping()) === 4);
  await postgres.kill9();
  for (const result of await asleep)
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'database-unavailable' } });
  expect(await answers()).toEqual(each('database-unavailable'));
  await postgres.start();
  await eventually(async () => Object.values(await answers()).every((answer) => answer === 'answered'), {
    timeoutMs: 10_000,
  });
}, 40_000);

it('starts while Postgres is away', async () => {
  await postgres.stop();
  await start();
  await expect(world.db.check()).rejects.toMatchObject({ code: 'database-unavailable' });
  await postgres.start();
  await eventually(() => world.db.check().then(() => true), { timeoutMs: 10_000 });
  await eventually(() => world.relay.active, { timeoutMs: 10_000 });
}, 40_000);
