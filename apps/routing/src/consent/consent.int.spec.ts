import { routingRpc } from '@strowger/contracts-routing';
import { sql } from '@strowger/persistence';
import { refusal, REMOTE, startRouting, type SpecUser, type World } from '../routing.fixtures.js';

let world: World;
beforeAll(async () => {
  world = await startRouting();
}, 60_000);
afterAll(() => world.stop());

const says = async (user: SpecUser, text: string, id?: string) => {
  await world.receive(user.platform, { to: user.e164, text, id });
  await world.drain();
};
const answers = async (user: SpecUser) => (await world.atCarrier(user.platform)).map(({ body }) => body);

describe('STOP', () => {
  it('is kept with its evidence, confirmed once, and stops what follows', async () => {
    const user = await world.given.user();
    await says(user, ' stop. ', `SMstop${user.userId}`);
    await says(user, 'STOP');
    await says(user, ' stop. ', `SMstop${user.userId}`);
    expect(await answers(user)).toEqual([expect.stringContaining('unsubscribed from Front desk')]);
    expect(await world.messagesOf(user)).toHaveLength(3);
    expect((await refusal(world.send(user))).code).toBe('opted-out');
    expect(await world.call(routingRpc.listOptOuts, { id: user.numberId }, user.scope)).toEqual([
      { id: expect.any(String), number: user.e164, remote: REMOTE, keyword: 'stop', at: expect.any(String) },
    ]);
    const [evidence] = await world.db.query(
      sql<{
        text: string;
        body: string;
      }>`select o.text, m.body from opt_out o join message m on m.id = o.message_id where o.number = ${user.e164}`,
    );
    expect(evidence).toEqual({ text: ' stop. ', body: ' stop. ' });
    const { items } = await world.call(routingRpc.listConversations, {}, user.scope);
    expect(items[0]!.remoteConsent).toBe('opted-out');
  });

  it('blocks what is in line already', async () => {
    const user = await world.given.user();
    await world.db.query(
      sql`update platform set sender = 'busy', sender_until = now() + interval '1 hour' where platform_id = ${user.platform.platformId}`,
    );
    const { id } = await world.send(user, 'too late');
    await world.receive(user.platform, { to: user.e164, text: 'STOP' });
    await world.idle();
    await world.db.query(sql`update platform set sender_until = now() where platform_id = ${user.platform.platformId}`);
    await world.delivered(user, id, 'blocked');
    await world.drain();
    expect(await answers(user)).toEqual([expect.stringContaining('unsubscribed')]);
    expect((await world.call(routingRpc.getMessage, { id }, user.scope)).failure).toMatchObject({
      reason: 'opted-out',
    });
  });

  it('is taken back by START', async () => {
    const user = await world.given.user();
    await says(user, 'unsubscribe');
    await says(user, 'Start');
    await says(user, 'START');
    expect(await answers(user)).toEqual([
      expect.stringContaining('unsubscribed'),
      expect.stringContaining('resubscribed'),
    ]);
    expect(await world.call(routingRpc.listOptOuts, { id: user.numberId }, user.scope)).toEqual([]);
    expect((await world.send(user)).state).toBe('queued');
    await says(user, 'stop');
    expect((await refusal(world.send(user))).code).toBe('opted-out');
  });

  it('is left to the network on toll-free numbers, which answers itself', async () => {
    const user = await world.given.user({ e164: '+18335550123' });
    await says(user, 'STOP');
    expect(await answers(user)).toEqual([]);
    expect((await refusal(world.send(user))).code).toBe('opted-out');
  });

  it.each(['+442079460123', 'AMAZON', '611', '7726', '12345'])('%s can be blocked, as it can write', async (remote) => {
    const user = await world.given.user();
    await world.receive(user.platform, { to: user.e164, from: remote, text: 'first' });
    await world.idle();
    const block = await world.call(routingRpc.blockNumber, { userId: user.userId, number: remote }, user.scope);
    expect(block.number).toBe(remote);
    await world.receive(user.platform, { to: user.e164, from: remote, text: 'second' });
    await world.idle();
    expect((await world.messagesOf(user)).map(({ text }) => text)).toEqual(['first']);
  });

  it('counts from a blocked party, who is not answered', async () => {
    const user = await world.given.user();
    const block = await world.call(routingRpc.blockNumber, { userId: user.userId, number: REMOTE }, user.scope);
    await says(user, 'STOP');
    await world.call(routingRpc.unblockNumber, { userId: user.userId, id: block.id }, user.scope);
    expect((await refusal(world.send(user))).code).toBe('opted-out');
    expect(await answers(user)).toEqual([]);
  });

  it('is not a word within a sentence', async () => {
    const user = await world.given.user();
    await says(user, 'stop by later?');
    expect(await answers(user)).toEqual([]);
    expect((await world.send(user)).state).toBe('queued');
  });
});

it('HELP is answered, also after an opt-out', async () => {
  const user = await world.given.user();
  await says(user, 'STOP');
  await says(user, 'help');
  expect(await answers(user)).toEqual([
    expect.stringContaining('unsubscribed'),
    expect.stringContaining('for help contact'),
  ]);
});
