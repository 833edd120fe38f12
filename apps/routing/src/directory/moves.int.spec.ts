import { UserDeletedV1, UserSavedV1 } from '@strowger/contracts-hierarchy';
import { routingRpc as rpc } from '@strowger/contracts-routing';
import { newId, type TenantScope } from '@strowger/kernel';
import { sql } from '@strowger/persistence';
import { refusal, startRouting, type SpecUser, type World } from '../routing.fixtures.js';

let world: World;
beforeAll(async () => {
  world = await startRouting();
}, 60_000);
afterAll(() => world.stop());

const saved = ({ userId, platform }: SpecUser, sequence: number, place: { resellerId: string; groupId: string }) =>
  world.publish(
    UserSavedV1,
    userId,
    { userId, systemProviderId: platform.systemProviderId, broadworksUserId: 'chris@acme', name: 'Chris', ...place },
    { sequence },
  );
const newPlace = () => ({ resellerId: newId(), groupId: newId() });
const scopesAt = (user: SpecUser, { resellerId, groupId }: { resellerId: string; groupId: string }): TenantScope[] => {
  const { systemProviderId } = user.platform;
  return [
    { level: 'reseller', id: resellerId, systemProviderId },
    { level: 'group', id: groupId, systemProviderId },
  ];
};
/** What the scope sees of the user's conversations and messages. */
const reached = async (user: SpecUser, scope: TenantScope, messageId: string) => ({
  messages: (await world.call(rpc.listMessages, { userId: user.userId }, scope)).items.length,
  conversations: (await world.call(rpc.listConversations, { userId: user.userId }, scope)).items.length,
  message: await world.call(rpc.getMessage, { id: messageId }, scope).then(
    ({ id }) => id,
    ({ code }: { code: string }) => code,
  ),
  optOuts: await world.call(rpc.listOptOuts, { id: user.numberId }, scope).then(
    () => true,
    () => false,
  ),
});
const nothing = { messages: 0, conversations: 0, message: 'message-not-found', optOuts: false };

it('the messages on a user’s numbers move with the user, and can no longer be seen from where the user was', async () => {
  const user = await world.given.user();
  const { id } = await world.send(user);
  await world.drain();
  const place = newPlace();
  await saved(user, 2, place);
  await world.idle();
  for (const scope of scopesAt(user, user)) expect(await reached(user, scope, id)).toEqual(nothing);
  for (const scope of scopesAt(user, place))
    expect(await reached(user, scope, id)).toEqual({ messages: 1, conversations: 1, message: id, optOuts: true });
  for (const scope of scopesAt(user, place)) {
    const sent = await world.call(rpc.sendMessage, { userId: user.userId, to: '+12015550198', text: 'hi' }, scope);
    expect((await world.call(rpc.getMessage, { id: sent.id }, scope)).id).toBe(sent.id);
  }
  const [old] = scopesAt(user, user);
  const refused = world.call(rpc.sendMessage, { userId: user.userId, to: '+12015550198', text: 'hi' }, old);
  expect(await refusal(refused)).toMatchObject({ code: 'user-not-found' });
});

it('the newest news counts, in any order, and the place a number came with is older than all of it', async () => {
  const user = await world.given.user();
  const { id } = await world.send(user);
  const [first, last] = [newPlace(), newPlace()];
  await saved(user, 5, last);
  await world.idle();
  await saved(user, 4, first);
  // A second number, whose owner provisioning still saw where the user was.
  const second = { ...user, numberId: newId(), e164: world.newNumber() };
  await world.activate(second);
  await world.idle();
  for (const scope of scopesAt(user, last)) {
    expect(await reached(user, scope, id)).toMatchObject({ messages: 1, message: id });
    expect(await world.call(rpc.listOptOuts, { id: second.numberId }, scope)).toEqual([]);
  }
  for (const place of [first, user])
    for (const scope of scopesAt(user, place)) {
      expect(await reached(user, scope, id)).toEqual(nothing);
      expect((await refusal(world.call(rpc.listOptOuts, { id: second.numberId }, scope))).kind).toBe('not-found');
    }
});

it('a thousand users deleted at once can no longer send, and the others can', async () => {
  const [gone, stays] = [await world.given.user(), await world.given.user()];
  const ids = [gone.userId, ...Array.from({ length: 999 }, () => newId())];
  await Promise.all(
    ids.map((userId) =>
      world.publish(UserDeletedV1, userId, { userId, systemProviderId: gone.platform.systemProviderId }),
    ),
  );
  await world.idle();
  expect(await refusal(world.send(gone))).toMatchObject({ code: 'not-licensed' });
  expect((await world.send(stays)).state).toBe('queued');
  // News from before the end changes nothing.
  await world.entitle(gone, true);
  await world.idle();
  expect(await refusal(world.send(gone))).toMatchObject({ code: 'not-licensed' });
  const [row] = await world.db.query(
    sql<{
      n: number;
    }>`select count(*)::int as n from user_entitlement where user_id = any(${ids}::uuid[]) and not entitled`,
  );
  expect(row!.n).toBe(1000);
});
