import { routingRpc } from '@strowger/contracts-routing';
import { sql } from '@strowger/persistence';
import { REMOTE, startRouting, type World } from '../routing.fixtures.js';

let world: World;
beforeAll(async () => {
  world = await startRouting();
}, 60_000);
afterAll(() => world.stop());

describe('sync', () => {
  it('returns what was made and what has changed since the cursor, page by page', async () => {
    const user = await world.given.user();
    await world.receive(user.platform, { to: user.e164, text: 'one' });
    await world.idle();
    const { id } = await world.send(user, 'two');
    await world.delivered(user, id);
    const all = await world.sync(user);
    expect(all.items.map(({ type, message }) => [type, message.text])).toEqual([
      ['message.created', 'one'],
      ['message.created', 'two'],
    ]);
    expect(all.more).toBe(false);
    expect((await world.sync(user, 2)).items.map(({ type, message }) => [type, message.state])).toEqual([
      ['message.updated', 'delivered'],
    ]);
    const first = await world.sync(user, 0, 1);
    expect(first).toMatchObject({ more: true, cursor: 1, items: [{ message: { text: 'one' } }] });
    expect(await world.sync(user, first.cursor, 1)).toMatchObject({
      more: false,
      items: [{ message: { text: 'two' } }],
    });
    expect(await world.sync(user, all.cursor)).toEqual({ items: [], cursor: all.cursor, more: false });
  });

  it('never misses a change while many write', async () => {
    const user = await world.given.user();
    const platform = user.platform;
    let writing = true;
    const writers = Promise.all(
      Array.from({ length: 6 }, async (_, writer) => {
        for (let i = 0; i < 25; i++) {
          if (writer % 2)
            await world.receive(platform, {
              to: user.e164,
              text: `in ${writer}/${i}`,
              from: `+120155501${10 + writer}`,
            });
          else await world.send(user, `out ${writer}/${i}`, `+120155502${10 + writer}`);
        }
      }),
    )
      .then(() => world.drain())
      .finally(() => (writing = false));
    const seen = new Map<string, string>();
    let cursor = 0;
    const read = async (): Promise<boolean> => {
      const page = await world.sync(user, cursor, 1 + Math.floor(Math.random() * 10));
      for (const { type, message } of page.items) {
        expect(message.cursor).toBeGreaterThan(cursor);
        if (type === 'message.created') expect(seen.has(message.id)).toBe(false);
        seen.set(message.id, `${message.cursor} ${message.state}`);
      }
      expect(page.cursor).toBeGreaterThanOrEqual(cursor);
      cursor = page.cursor;
      return page.more;
    };
    while (writing) await read();
    await writers;
    while (await read());
    const rows = await world.db.query(
      sql<{
        id: string;
        last: string;
      }>`select id, feed_seq || ' ' || state as last from message where user_id = ${user.userId}`,
    );
    expect(rows).toHaveLength(150);
    expect(seen).toEqual(new Map(rows.map(({ id, last }) => [id, last])));
    expect(new Set(rows.map(({ last }) => last.split(' ')[0])).size).toBe(150);
  }, 60_000);
});

it('the delivered mark moves forward only, and not beyond what there is', async () => {
  const user = await world.given.user();
  await world.receive(user.platform, { to: user.e164 }, { to: user.e164 }, { to: user.e164 });
  await world.idle();
  const marks = [];
  for (const cursor of [2, 1, 99]) {
    await world.call(routingRpc.ackClient, { userId: user.userId, cursor }, user.scope);
    const [row] = await world.db.query(
      sql<{ acked: number }>`select acked::int as acked from user_feed where user_id = ${user.userId}`,
    );
    marks.push(row!.acked);
  }
  expect(marks).toEqual([2, 2, 3]);
});

it('refuses a cursor beyond the end of the feed and says where that is, as after a restore', async () => {
  const user = await world.given.user();
  await expect(world.sync(user, 1)).rejects.toMatchObject({ code: 'cursor-ahead', details: { head: 0 } });
  await world.receive(user.platform, { to: user.e164 });
  await world.idle();
  expect(await world.sync(user, 1)).toMatchObject({ items: [], cursor: 1, more: false });
  await expect(world.sync(user, 1001)).rejects.toMatchObject({
    kind: 'conflict',
    code: 'cursor-ahead',
    details: { head: 1 },
  });
});

it('services may ask for all heads, a user only for its own', async () => {
  const [user, other] = [await world.given.user(), await world.given.user()];
  for (const { platform, e164 } of [user, other]) await world.receive(platform, { to: e164, from: REMOTE });
  await world.idle();
  const userIds = [user.userId, other.userId];
  expect(await world.call(routingRpc.feedHeads, { userIds })).toEqual({ [user.userId]: 1, [other.userId]: 1 });
  expect(await world.call(routingRpc.feedHeads, { userIds }, user.scope)).toEqual({ [user.userId]: 1 });
});
