import { routingRpc } from '@strowger/contracts-routing';
import { Jobs } from '@strowger/jobs';
import { sql } from '@strowger/persistence';
import { REMOTE, startRouting, type SpecUser, type World } from '../routing.fixtures.js';
import { ReconcileService } from './reconcile.service.js';

let world: World;
beforeAll(async () => {
  world = await startRouting();
}, 60_000);
afterAll(() => world.stop());

const arrives = async (user: SpecUser, body: string): Promise<string> => {
  const accountSid = user.platform.account.sid;
  const held = await world.twins.numbers({ accountSid, phone: user.e164 });
  if (held.length === 0) await world.twins.putNumber({ accountSid, phone_number: user.e164 });
  return (await world.twins.inbound({ to: user.e164, from: REMOTE, body, accountSid, noWebhook: true })).smsSid;
};
const reconcile = async (user: SpecUser) => {
  await world.app.get(ReconcileService).reconcile({ platformId: user.platform.platformId });
  await world.idle();
};
const texts = async (user: SpecUser) => (await world.messagesOf(user)).map(({ text }) => text);

it('brings what no webhook brought, once', async () => {
  const user = await world.given.user();
  await arrives(user, 'lost');
  await reconcile(user);
  await reconcile(user);
  expect(await texts(user)).toEqual(['lost']);
});

it('stores one message when list and webhook bring it at the same time', async () => {
  const user = await world.given.user();
  const ids = await Promise.all(Array.from({ length: 20 }, (_, i) => arrives(user, `race ${i}`)));
  await Promise.all([
    reconcile(user),
    world.receive(user.platform, ...ids.map((id, i) => ({ to: user.e164, text: `race ${i}`, id }))),
  ]);
  await world.idle();
  expect(await texts(user)).toHaveLength(20);
});

it('does not double what came under our own fingerprint, and keeps equal texts apart', async () => {
  const user = await world.given.user();
  await world.receive(user.platform, { to: user.e164, text: 'ok', id: `fp-${user.userId}` });
  await world.idle();
  await arrives(user, 'ok');
  await reconcile(user);
  expect(await texts(user)).toEqual(['ok']);
  await arrives(user, 'ok');
  await reconcile(user);
  await reconcile(user);
  await world.receive(user.platform, { to: user.e164, text: 'ok', id: `fp-${user.userId}` });
  await world.idle();
  expect(await texts(user)).toEqual(['ok', 'ok']);
});

it('does not double what waits in quarantine under a fingerprint', async () => {
  const { platform } = await world.given.user();
  const owner = { e164: world.newNumber(), platform } as SpecUser;
  await world.receive(platform, { to: owner.e164, text: 'early', id: `fp-q${owner.e164}` });
  await world.idle();
  await arrives(owner, 'early');
  await reconcile(owner);
  const user = await world.given.user({ e164: owner.e164, platform });
  await reconcile(user);
  expect(await texts(user)).toEqual(['early']);
});

it('counts what a blocked number sends once, however often the list shows it', async () => {
  const user = await world.given.user();
  await world.call(routingRpc.blockNumber, { userId: user.userId, number: REMOTE }, user.scope);
  await arrives(user, 'spam');
  await reconcile(user);
  await reconcile(user);
  expect(await world.call(routingRpc.listBlocks, { userId: user.userId }, user.scope)).toMatchObject([
    { blockedMessages: 1 },
  ]);
});

it('does not bring back what was deleted with its number', async () => {
  const user = await world.given.user();
  await arrives(user, 'private');
  await reconcile(user);
  await world.release(user, true);
  await world.idle();
  await reconcile(user);
  const next = await world.given.user({ e164: user.e164, platform: user.platform });
  await reconcile(user);
  expect(await texts(next)).toEqual([]);
});

it('takes each platform whose time has come, once', async () => {
  const user = await world.given.user();
  await arrives(user, 'swept');
  await world.timers.runNow('reconcile-sweep');
  await world.drain();
  expect(await texts(user)).toEqual(['swept']);
  const [{ due } = { due: true }] = await world.db.query(
    sql<{ due: boolean }>`select bool_or(reconcile_at <= now()) as due from platform`,
  );
  expect(due).toBe(false);
});

describe('a text its webhook may have damaged', () => {
  it('is read again from the carrier, and the user sees the change', async () => {
    const user = await world.given.user();
    const id = await arrives(user, 'Grüße 你好');
    await world.receive(user.platform, { to: user.e164, text: 'Gr??e ??', id, suspectEncoding: true });
    await world.drain();
    expect(await world.messagesOf(user)).toMatchObject([{ text: 'Grüße 你好', encoding: 'UCS-2', cursor: 2 }]);
    expect((await world.sync(user, 1)).items).toMatchObject([
      { type: 'message.updated', message: { text: 'Grüße 你好' } },
    ]);
  });

  it('is read again when Redis lost the job', async () => {
    const user = await world.given.user();
    const id = await arrives(user, 'naïve');
    await world.receive(user.platform, { to: user.e164, text: 'na?ve', id });
    await world.idle();
    await world.db.query(
      sql`update message set reread = true, created_at = now() - interval '1 hour' where user_id = ${user.userId}`,
    );
    await world.timers.runNow('reread-sweep');
    await world.app.get(Jobs).drain();
    expect(await texts(user)).toEqual(['naïve']);
  });
});
