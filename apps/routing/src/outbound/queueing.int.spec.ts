/** Texts that are sent at the same moment share a statement; each has its own answer and its own place. */
import { routingRpc } from '@strowger/contracts-routing';
import { newId, type TenantScope } from '@strowger/kernel';
import { providerScope, refusal, REMOTE, startRouting, type SpecUser, type World } from '../routing.fixtures.js';

let world: World;
beforeAll(async () => {
  world = await startRouting();
}, 60_000);
afterAll(() => world.stop());

const outcome = (sending: Promise<{ state: string }>): Promise<string> =>
  sending.then(
    ({ state }) => state,
    ({ code }: { code: string }) => code,
  );
const sendAs = (scope: TenantScope, body: { userId?: string; from?: string; to?: string; text?: string }) =>
  world.call(routingRpc.sendMessage, { to: REMOTE, text: 'hi', ...body }, scope);

it('a hundred texts of two users leave in the order they were asked for, each conversation and each feed without a gap', async () => {
  const platform = await world.given.platform();
  const users = [await world.given.user({ platform }), await world.given.user({ platform })];
  const remotes = [REMOTE, '+12015550188', '+12015550177'];
  const asked = Array.from({ length: 100 }, (_, i) => ({
    user: users[i % 2]!,
    to: remotes[i % 3]!,
    text: `text ${String(i).padStart(3, '0')}`,
  }));
  const sent = await Promise.all(asked.map(({ user, to, text }) => world.send(user, text, to)));
  expect(sent.map(({ text }) => text)).toEqual(asked.map(({ text }) => text));
  await world.drain();
  const atCarrier = await world.atCarrier(platform);
  expect(atCarrier).toHaveLength(100);
  for (const user of users)
    for (const to of remotes) {
      const mine = asked.filter((one) => one.user === user && one.to === to).map(({ text }) => text);
      const listed = (await world.messagesOf(user)).filter(({ remote }) => remote === to);
      expect(listed.map(({ text }) => text).reverse()).toEqual(mine);
      // No two texts are alike, so a text shows whose it is.
      expect(atCarrier.map(({ body }) => body).filter((body) => mine.includes(body))).toEqual(mine);
    }
  for (const user of users) {
    const created = sent.filter((_, i) => asked[i]!.user === user).map(({ cursor }) => cursor);
    expect([...created].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  }
});

it('one that is refused changes nothing for those beside it', async () => {
  const platform = await world.given.platform();
  const [fine, unlicensed] = [
    await world.given.user({ platform }),
    await world.given.user({ platform, licensed: false }),
  ];
  const nobody = { ...fine, scope: { ...fine.scope, id: newId() } };
  const two = await world.given.user({ platform });
  const second: SpecUser = { ...two, numberId: newId(), e164: world.newNumber() };
  await world.activate(second);
  await world.idle();
  expect(
    await Promise.all([
      outcome(world.send(fine, 'first')),
      outcome(world.send(unlicensed)),
      outcome(world.send(nobody)),
      outcome(world.send(two)),
      outcome(sendAs(two.scope, { from: fine.e164 })),
      outcome(sendAs(two.scope, { from: second.e164, text: 'from the second' })),
      outcome(world.send(fine, 'x'.repeat(1601))),
      outcome(world.send(fine, 'a NUL \0 in it')),
      outcome(world.send(fine, 'last')),
    ]),
  ).toEqual([
    'queued',
    'not-licensed',
    'number-not-owned',
    'sender-required',
    'number-not-owned',
    'queued',
    'invalid-input',
    // The gateway refuses such a text; here it makes the whole statement fail.
    'internal',
    'queued',
  ]);
  await world.drain();
  expect((await world.atCarrier(platform)).map(({ body }) => body).sort()).toEqual([
    'first',
    'from the second',
    'last',
  ]);
});

it('only a scope that sees the user sends for it, and a foreign id is answered like a missing one', async () => {
  const [mine, other] = [await world.given.user(), await world.given.user()];
  const { userId, platform, resellerId, groupId } = mine;
  const at = (level: 'reseller' | 'group', id: string): TenantScope => ({
    level,
    id,
    systemProviderId: platform.systemProviderId,
  });
  const reaching = [mine.scope, providerScope(platform), at('reseller', resellerId), at('group', groupId)];
  const parent: TenantScope = { ...providerScope(other.platform), providerIds: [newId(), platform.systemProviderId] };
  for (const scope of [...reaching, parent]) expect(await outcome(sendAs(scope, { userId }))).toBe('queued');
  const foreign = [
    other.scope,
    providerScope(other.platform),
    at('reseller', other.resellerId),
    at('group', newId()),
    { ...providerScope(other.platform), providerIds: [newId(), other.platform.systemProviderId] },
  ];
  for (const scope of foreign) expect(await outcome(sendAs(scope, { userId }))).toBe('user-not-found');
});

it('an id sent twenty times at once is one text, and the repeats say so', async () => {
  const user = await world.given.user();
  const id = newId();
  const answers = await Promise.all(Array.from({ length: 20 }, () => world.send(user, 'once', REMOTE, id)));
  expect(new Set(answers.map((answer) => answer.id))).toEqual(new Set([id]));
  expect(answers.filter((answer) => !('repeated' in answer))).toHaveLength(1);
  expect((await refusal(world.send(user, 'another', REMOTE, id))).code).toBe('message-id-reused');
  const stranger = await world.given.user();
  const seen = await refusal(world.send(stranger, 'once', REMOTE, id));
  expect(seen.code).toBe('message-id-reused');
  expect(JSON.stringify(seen)).not.toContain(user.e164);
  await world.drain();
  expect(await world.atCarrier(user.platform)).toHaveLength(1);
});

it('many texts of one request leave in its order; what is refused among them says why', async () => {
  const user = await world.given.user();
  const items = Array.from({ length: 200 }, (_, i) => ({ to: REMOTE, text: `item ${i}` }));
  const asked = [...items, { to: '911', text: 'no such number' }, { to: REMOTE, from: '+12015550000', text: 'x' }];
  const answer = await world.call(routingRpc.sendMessages, { items: asked }, user.scope);
  const codes = answer.items.map((item) => ('refused' in item ? item.refused.code : item.state));
  expect(codes.slice(0, 200)).toEqual(items.map(() => 'queued'));
  expect(codes.slice(200)).toEqual(['number-invalid', 'number-not-owned']);
  await world.drain(30_000);
  expect((await world.atCarrier(user.platform)).map(({ body }) => body)).toEqual(items.map(({ text }) => text));
});
