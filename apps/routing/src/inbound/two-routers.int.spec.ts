/** Two routing processes: each conversation and each feed keep the order in which the carrier sent, whatever happens to one. */
import { Messaging } from '@strowger/messaging';
import { sql } from '@strowger/persistence';
import { eventually } from '@strowger/testing';
import { startRouting, type World } from '../routing.fixtures.js';

let world: World;
beforeAll(async () => {
  world = await startRouting({ instances: 2 });
}, 60_000);
afterAll(() => world.stop());

it('six hundred texts, each sent when the last was taken, with the router killed among them: none out of order', async () => {
  const platform = await world.given.platform();
  const users = await Promise.all(Array.from({ length: 3 }, () => world.given.user({ platform })));
  const COUNT = 600;
  for (let n = 0; n < COUNT; n++) {
    await world.receive(platform, {
      to: users[n % 3]!.e164,
      from: `+1201555${String(1000 + (n % 7))}`,
      text: `text ${n}`,
    });
    // As a killed process ends: it hands nothing back and says nothing more.
    if (n === COUNT / 2) await world.instances[0]!.app.get(Messaging, { strict: false }).nc.close();
  }
  const stored = () =>
    world.db.query(
      sql<{
        body: string;
        user_id: string;
      }>`select body, user_id from message where platform_id = ${platform.platformId} order by user_id, feed_seq`,
    );
  const rows = await eventually(
    async () => {
      const all = await stored();
      return all.length === COUNT && all;
    },
    { timeoutMs: 20_000, message: 'every text is stored' },
  );
  for (const [at, { userId }] of users.entries())
    expect(rows.filter((row) => row.user_id === userId).map(({ body }) => body)).toEqual(
      Array.from({ length: COUNT / 3 }, (_, i) => `text ${i * 3 + at}`),
    );
});
