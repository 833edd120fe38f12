import { AppError, newId } from '@strowger/kernel';
import { DeadLetters } from '@strowger/messaging';
import { eventually, testDatabase, testNats, type ServerProcess, type TestDatabase } from '@strowger/testing';
import { Crowd, migrateTest, startWorld, type World } from './persistence.fixtures.js';

let nats: ServerProcess;
let database: TestDatabase;
const worlds: World[] = [];

beforeEach(async () => {
  nats = await testNats();
  database = await testDatabase('hierarchy', migrateTest);
});
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
  await database.drop();
  await nats.stop();
}, 20_000);

async function start(): Promise<World> {
  const world = await startWorld({ databaseUrl: database.url, natsUrl: nats.url, crowd: true });
  worlds.push(world);
  return world;
}

describe('facts that come by the thousand', () => {
  const many = async (world: World, count: number): Promise<string[]> => {
    const ids = Array.from({ length: count }, () => newId());
    await world.db.transactional(async () => {
      for (const id of ids) await world.accounts.change(id, 1);
    });
    return ids;
  };
  const seenOnce = async (world: World, ids: string[]) =>
    expect((await world.seen()).map(({ account }) => account).sort()).toEqual([...ids].sort());

  it('are handled together, each once, and those of one aggregate in order', async () => {
    const world = await start();
    const crowd = world.app.get(Crowd);
    const ids = await many(world, 200);
    await world.accounts.change(ids[0]!, 1);
    await world.messaging.idle();
    const rows = await world.seen();
    expect(rows).toHaveLength(201);
    expect(new Set(rows.map(({ account }) => account)).size).toBe(200);
    expect(rows.filter(({ account }) => account === ids[0]).map(({ balance }) => balance)).toEqual([1, 2]);
    expect(crowd.lists.length).toBeLessThan(50);
    expect(Math.max(...crowd.lists.map((list) => list.length))).toBeLessThanOrEqual(50);
    for (const list of crowd.lists) expect(new Set(list).size).toBe(list.length);
  });

  it('come one by one when one of them fails, and only that one is parked', async () => {
    const world = await start();
    let poison: string | undefined;
    world.app.get(Crowd).before = (received) => {
      poison ??= received.length > 1 ? received[0]!.subject : undefined;
      if (received.some(({ subject }) => subject === poison)) throw new AppError('conflict', 'poison', 'Not this one.');
    };
    const ids = await many(world, 100);
    await world.messaging.idle();
    await seenOnce(
      world,
      ids.filter((id) => id !== poison),
    );
    const { items } = await world.app.get(DeadLetters).list({ consumer: 'hierarchy-crowd' });
    expect(items.map(({ event }) => (event as { subject: string }).subject)).toEqual([poison]);
  });

  it('have one effect when the crash is between commit and ack', async () => {
    const world = await start();
    const crowd = world.app.get(Crowd);
    // The connection is gone before the transaction of a whole list commits.
    crowd.before = (received) => (received.length > 1 ? world.crash() : undefined);
    const ids = await many(world, 100);
    await eventually(async () => (await world.seen()).length > 5);
    await world.close();
    const after = await start();
    await after.messaging.idle({ timeoutMs: 20_000 });
    await seenOnce(after, ids);
  });
});
