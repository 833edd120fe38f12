/** Receipts that never come: the carrier is asked what became final, in growing intervals, and in the end nobody waits. */
import { routingRpc } from '@strowger/contracts-routing';
import { sql } from '@strowger/persistence';
import { startRouting, type SpecUser, type World } from '../routing.fixtures.js';

let world: World;
beforeAll(async () => {
  world = await startRouting({ env: { RECEIPT_LOOK_SECONDS: '60,600' } });
  world.hooks.arrive = false;
}, 60_000);
afterAll(() => world.stop());

const stateOf = async (user: SpecUser, id: string) =>
  (await world.call(routingRpc.getMessage, { id }, user.scope)).state;
const lookAt = async (id: string): Promise<number | null> => {
  const [row] = await world.db.query(
    sql<{
      inSeconds: number | null;
    }>`select extract(epoch from look_at - now())::float8 as "inSeconds" from send_attempt where message_id = ${id}`,
  );
  return row!.inSeconds;
};
/** As if so much time had gone by. */
const due = (id: string) =>
  world.db.query(sql`update send_attempt set look_at = now() - interval '1 second' where message_id = ${id}`);
const sent = async (user: SpecUser): Promise<string> => {
  const { id } = await world.send(user);
  await world.drain();
  expect(await stateOf(user, id)).toBe('accepted');
  return id;
};

it('a text whose receipts were lost has its state from the carrier, and is looked up no more', async () => {
  const user = await world.given.user();
  const id = await sent(user);
  expect(await lookAt(id)).toBeGreaterThan(50);
  await world.timers.runNow('overdue-receipts');
  expect(await stateOf(user, id)).toBe('accepted');
  await due(id);
  await world.timers.runNow('overdue-receipts');
  expect(await stateOf(user, id)).toBe('delivered');
  expect(await lookAt(id)).toBeNull();
});

it('while the carrier does not answer it is looked up again later; after the last look its state is unknown', async () => {
  const user = await world.given.user();
  const id = await sent(user);
  await world.fault(user.platform, { do: 'status', status: 500, times: 50, match: { path: 'messages.get' } });
  await due(id);
  await world.timers.runNow('overdue-receipts');
  expect(await stateOf(user, id)).toBe('accepted');
  expect(await lookAt(id)).toBeGreaterThan(500);
  await due(id);
  await world.timers.runNow('overdue-receipts');
  expect(await stateOf(user, id)).toBe('unknown');
  expect(await lookAt(id)).toBeNull();
  // The receipt was late, not lost.
  const [attempt] = await world.call(routingRpc.listAttempts, { id }, user.scope);
  await world.receipt(user.platform, attempt!.carrierMessageId!, 'delivered');
  await world.idle();
  expect(await stateOf(user, id)).toBe('delivered');
});

it('what has its last receipt is never due', async () => {
  const user = await world.given.user();
  const id = await sent(user);
  const [attempt] = await world.call(routingRpc.listAttempts, { id }, user.scope);
  for (const status of ['sent', 'delivered']) {
    await world.receipt(user.platform, attempt!.carrierMessageId!, status);
    await world.idle();
    expect(await lookAt(id)).toEqual(status === 'sent' ? expect.any(Number) : null);
  }
});
