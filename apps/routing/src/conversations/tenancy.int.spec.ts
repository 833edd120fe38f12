import { routingRpc } from '@strowger/contracts-routing';
import { newId, type RpcContract, type TenantScope } from '@strowger/kernel';
import { providerScope, refusal, REMOTE, startRouting, type SpecUser, type World } from '../routing.fixtures.js';

let world: World;
let mine: SpecUser;
let theirs: { user: SpecUser; message: string; conversation: string; block: string; quarantined: string };
beforeAll(async () => {
  world = await startRouting();
  mine = await world.given.user();
  const user = await world.given.user();
  await world.receive(user.platform, { to: user.e164, text: 'theirs' }, { to: world.newNumber() });
  await world.idle();
  const sent = await world.send(user);
  const block = await world.call(routingRpc.blockNumber, { userId: user.userId, number: '+12015550144' }, user.scope);
  const [item] = await world.quarantined(user.platform);
  theirs = { user, message: sent.id, conversation: sent.conversationId, block: block.id, quarantined: item!.id };
}, 60_000);
afterAll(() => world.stop());

const scopesOf = (user: SpecUser): [string, TenantScope][] => {
  const { systemProviderId } = user.platform;
  return [
    ['system provider', providerScope(user.platform)],
    ['reseller', { level: 'reseller', id: user.resellerId, systemProviderId }],
    ['group', { level: 'group', id: user.groupId, systemProviderId }],
    ['user', user.scope],
  ];
};
const LEVELS = ['system provider', 'reseller', 'group', 'user'];
const scopeOf = (user: SpecUser, level: string) => scopesOf(user).find(([name]) => name === level)![1];

describe.each(LEVELS)('a %s', (level) => {
  const refusedLike = async <B extends object>(contract: RpcContract<B, unknown>, foreign: B, missing: B) => {
    const scope = scopeOf(mine, level);
    const [one, other] = [
      await refusal(world.call(contract, foreign, scope)),
      await refusal(world.call(contract, missing, scope)),
    ];
    expect(one.kind).toBe('not-found');
    // The answer for another's is the same as for a missing one.
    expect(one.code).toBe(other.code);
  };

  it.each([
    ['getMessage', () => theirs.message],
    ['retryMessage', () => theirs.message],
    ['listAttempts', () => theirs.message],
    ['listOptOuts', () => theirs.user.numberId],
    ['replayQuarantined', () => theirs.quarantined],
  ] as const)('finds nothing of another’s by %s', async (name, id) => {
    await refusedLike(routingRpc[name] as RpcContract<{ id: string }, unknown>, { id: id() }, { id: newId() });
  });
  it.each(['syncClient', 'listBlocks'] as const)('finds no other user by %s', async (name) => {
    await refusedLike(
      routingRpc[name] as RpcContract<{ userId: string }, unknown>,
      { userId: theirs.user.userId },
      { userId: newId() },
    );
  });
  it('cannot act for another user either', async () => {
    const [foreign, missing] = [theirs.user.userId, newId()];
    await refusedLike(routingRpc.ackClient, { userId: foreign, cursor: 1 }, { userId: missing, cursor: 1 });
    await refusedLike(routingRpc.blockNumber, { userId: foreign, number: REMOTE }, { userId: missing, number: REMOTE });
    await refusedLike(
      routingRpc.unblockNumber,
      { userId: foreign, id: theirs.block },
      { userId: missing, id: theirs.block },
    );
    await refusedLike(
      routingRpc.sendMessage,
      { userId: foreign, to: REMOTE, text: 'x' },
      { userId: missing, to: REMOTE, text: 'x' },
    );
  });
  it('lists nothing of another’s', async () => {
    const scope = scopeOf(mine, level);
    const { user, conversation } = theirs;
    expect(await world.call(routingRpc.listMessages, {}, scope)).toEqual({ items: [] });
    expect(await world.call(routingRpc.listMessages, { userId: user.userId }, scope)).toEqual({ items: [] });
    expect(await world.call(routingRpc.listMessages, { conversationId: conversation }, scope)).toEqual({ items: [] });
    expect(await world.call(routingRpc.listConversations, { userId: user.userId }, scope)).toEqual({ items: [] });
    expect(await world.call(routingRpc.listQuarantine, { includeReleased: true }, scope)).toEqual({ items: [] });
    expect(await world.call(routingRpc.feedHeads, { userIds: [user.userId] }, scope)).toEqual({});
  });
  it('finds its own', async () => {
    const scope = scopeOf(theirs.user, level);
    expect((await world.call(routingRpc.getMessage, { id: theirs.message }, scope)).id).toBe(theirs.message);
    expect((await world.call(routingRpc.listMessages, {}, scope)).items).toHaveLength(2);
    expect((await world.call(routingRpc.listConversations, {}, scope)).items).toHaveLength(1);
    expect(await world.call(routingRpc.listOptOuts, { id: theirs.user.numberId }, scope)).toEqual([]);
  });
  it.each([
    'rubbish',
    Buffer.from('["a","b"]').toString('base64url'),
    Buffer.from(`["2026-01-01 00:00:00+00","b"]`).toString('base64url'),
  ])('learns that %s is not a cursor', async (cursor) => {
    const scope = scopeOf(mine, level);
    for (const list of [routingRpc.listMessages, routingRpc.listConversations] as const)
      expect(
        (await refusal(world.call(list as RpcContract<{ cursor: string }, unknown>, { cursor }, scope))).kind,
      ).toBe('invalid');
  });
});

describe('a system provider with others below it', () => {
  const above = (...users: SpecUser[]): TenantScope => ({
    ...providerScope(mine.platform),
    providerIds: [mine, ...users].map((user) => user.platform.systemProviderId),
  });

  it('finds the messages of a user below it, sends for that user, and sees what was quarantined there', async () => {
    const [scope, { user }] = [above(theirs.user), theirs];
    expect((await world.call(routingRpc.getMessage, { id: theirs.message }, scope)).id).toBe(theirs.message);
    expect((await world.call(routingRpc.listMessages, { userId: user.userId }, scope)).items).toHaveLength(2);
    expect((await world.call(routingRpc.listConversations, {}, scope)).items).toHaveLength(1);
    expect((await world.call(routingRpc.listAttempts, { id: theirs.message }, scope)).length).toBeGreaterThan(0);
    expect(await world.call(routingRpc.listOptOuts, { id: user.numberId }, scope)).toEqual([]);
    const { items } = await world.call(routingRpc.listQuarantine, {}, scope);
    expect(items.map(({ id }) => id)).toEqual([theirs.quarantined]);
    const sent = await world.call(
      routingRpc.sendMessage,
      { userId: user.userId, to: REMOTE, text: 'from above' },
      scope,
    );
    expect(sent.number).toBe(user.e164);
  });

  it('finds nothing of one that is not below it', async () => {
    const scope = above(await world.given.user());
    expect((await refusal(world.call(routingRpc.getMessage, { id: theirs.message }, scope))).code).toBe(
      'message-not-found',
    );
    expect((await world.call(routingRpc.listQuarantine, {}, scope)).items).toEqual([]);
  });
});

it('does not show a provider who opted out from the number when it was another provider’s', async () => {
  const first = await world.given.user();
  await world.receive(first.platform, { to: first.e164, text: 'STOP' });
  await world.drain();
  await world.release(first);
  const next = await world.given.user({ e164: first.e164 });
  expect(await world.call(routingRpc.listOptOuts, { id: next.numberId }, next.scope)).toEqual([]);
  expect((await refusal(world.send(next))).code).toBe('opted-out');
});

it('pages messages and conversations without gaps', async () => {
  const user = await world.given.user();
  await world.receive(
    user.platform,
    ...Array.from({ length: 25 }, (_, i) => ({ to: user.e164, text: `p${i}`, from: `+120155501${10 + i}` })),
  );
  await world.idle();
  for (const list of [routingRpc.listMessages, routingRpc.listConversations] as const) {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await world.call(
        list as RpcContract<object, { items: { id: string }[]; nextCursor?: string }>,
        { limit: 10, cursor },
        user.scope,
      );
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor);
    expect(new Set(seen).size).toBe(25);
    expect(seen).toHaveLength(25);
  }
});

describe('preview', () => {
  it.each([
    ['160 a', 'a'.repeat(160), 'GSM-7', 160, 1],
    ['161 a', 'a'.repeat(161), 'GSM-7', 161, 2],
    ['307 a', 'a'.repeat(307), 'GSM-7', 307, 3],
    ['81 €', '€'.repeat(81), 'GSM-7', 162, 2],
    ['a euro at the seam', `${'a'.repeat(152)}€${'a'.repeat(10)}`, 'GSM-7', 164, 2],
    ['extension table', '[x]{y}|z~^\\', 'GSM-7', 19, 1],
    ['71 你', '你'.repeat(71), 'UCS-2', 71, 2],
    ['67 😀', '😀'.repeat(67), 'UCS-2', 134, 3],
    ['curly quotes', 'It’s 5 o’clock', 'UCS-2', 14, 1],
    ['FAÇADE', 'FAÇADE', 'GSM-7', 6, 1],
  ])('%s', async (_name, text, encoding, units, segments) => {
    const view = await world.call(routingRpc.previewMessage, { text }, mine.scope);
    expect(view).toMatchObject({ encoding, units, segments });
    expect(view.parts.join('')).toBe(text);
    expect(view.warnings.length > 0).toBe(segments > 1 || encoding === 'UCS-2');
  });
});
