import { routingRpc } from '@strowger/contracts-routing';
import { newId } from '@strowger/kernel';
import { sql } from '@strowger/persistence';
import { eventually } from '@strowger/testing';
import { refusal, REMOTE, startRouting, type SpecUser, type World } from '../routing.fixtures.js';
import { SenderService } from './sender.service.js';

let world: World;
beforeAll(async () => {
  world = await startRouting();
}, 60_000);
afterAll(() => world.stop());

const bodies = async (user: SpecUser) => (await world.atCarrier(user.platform)).map(({ body }) => body);
const stateOf = async (user: SpecUser, id: string) => world.call(routingRpc.getMessage, { id }, user.scope);
const attemptsOf = (user: SpecUser, id: string) => world.call(routingRpc.listAttempts, { id }, user.scope);

describe('sending', () => {
  it('goes from queued to delivered, only forwards, as the feed shows', async () => {
    const user = await world.given.user();
    const { frames } = world.listen(user);
    const sent = await world.send(user);
    expect(sent).toMatchObject({ direction: 'outbound', number: user.e164, remote: REMOTE, state: 'queued' });
    await world.delivered(user, sent.id);
    expect(await bodies(user)).toEqual(['hello']);
    await eventually(() => frames.at(-1)?.frame.message.state === 'delivered');
    const states = frames.map(({ frame }) => frame.message.state);
    // A step may be overtaken by the next before it is pushed, but for the first and the last.
    const places = states.map((state) => ['queued', 'accepted', 'sent', 'delivered'].indexOf(state));
    const forwards = places.every((place, i) => place > (places[i - 1] ?? -1));
    expect([states, forwards]).toEqual([states, true]);
    expect([states[0], states.at(-1)]).toEqual(['queued', 'delivered']);
    expect((await attemptsOf(user, sent.id))[0]).toMatchObject({
      attempt: 1,
      part: 0,
      state: 'delivered',
      carrierStatus: 'delivered',
      carrierMessageId: expect.any(String),
    });
  });

  it('sends a message id once, and refuses another text under it', async () => {
    const user = await world.given.user();
    const id = newId();
    await Promise.all([
      world.send(user, 'once', REMOTE, id),
      world.send(user, 'once', REMOTE, id),
      world.send(user, 'once', REMOTE, id),
    ]);
    await world.drain();
    expect((await world.send(user, 'once', REMOTE, id)).id).toBe(id);
    expect((await refusal(world.send(user, 'other', REMOTE, id))).code).toBe('message-id-reused');
    await world.drain();
    expect(await bodies(user)).toEqual(['once']);
  });

  it.each([
    ['not-licensed', async (user: SpecUser) => world.entitle(user, false), {}],
    [
      'remote-blocked',
      async (user: SpecUser) => world.call(routingRpc.blockNumber, { userId: user.userId, number: REMOTE }, user.scope),
      {},
    ],
    ['number-invalid', async () => undefined, { to: '911' }],
    ['number-not-owned', async () => undefined, { from: '+12015550111' }],
    ['number-not-owned', async (user: SpecUser) => world.release(user), {}],
    ['invalid-input', async () => undefined, { text: 'x'.repeat(1601) }],
  ])('is refused: %s', async (code, prepare, more) => {
    const user = await world.given.user();
    await prepare(user);
    await world.idle();
    const refused = await refusal(world.call(routingRpc.sendMessage, { to: REMOTE, text: 'hi', ...more }, user.scope));
    expect(refused.code).toBe(code);
  });

  it('is refused where SMS is switched off', async () => {
    const user = await world.given.user({ options: { smsAvailable: false } });
    expect((await refusal(world.send(user))).code).toBe('sms-not-available');
  });

  it('asks which number when the user has several', async () => {
    const first = await world.given.user();
    await world.activate({ ...first, numberId: newId(), e164: world.newNumber() });
    await world.idle();
    expect((await refusal(world.send(first))).code).toBe('sender-required');
    const body = { from: first.e164.slice(2), to: REMOTE, text: 'named' };
    expect((await world.call(routingRpc.sendMessage, body, first.scope)).number).toBe(first.e164);
  });

  it('does not send from a number that was released meanwhile', async () => {
    const user = await world.given.user();
    await world.fault(user.platform, { do: 'status', status: 429 });
    const { id } = await world.send(user);
    await eventually(async () => (await attemptsOf(user, id))[0]?.state === 'failed');
    await world.release(user);
    await world.idle();
    await world.db.query(sql`update message set next_attempt_at = now() where id = ${id}`);
    world.app.get(SenderService)['pausedUntil'].clear();
    await world.delivered(user, id, 'failed');
    expect((await stateOf(user, id)).failure).toMatchObject({ reason: 'number-released' });
    expect(await bodies(user)).toEqual([]);
  });
});

describe('order and rate', () => {
  it('keeps the order of a conversation, also when one message is not sent at once', async () => {
    const user = await world.given.user();
    await world.fault(user.platform, { do: 'reset-after', times: 1, skip: 1 });
    for (let i = 0; i < 6; i++) await world.send(user, `n${i}`);
    await world.drain();
    expect(await bodies(user)).toEqual(['n0', 'n1', 'n2', 'n3', 'n4', 'n5']);
  });

  it('goes on after a definite refusal', async () => {
    const user = await world.given.user();
    await world.fault(user.platform, { do: 'status', status: 400, body: 'No route to it' });
    const [first, second] = [await world.send(user, 'one'), await world.send(user, 'two')];
    await world.drain();
    expect(await stateOf(user, first.id)).toMatchObject({
      state: 'failed',
      failure: { reason: 'carrier-refused', nextStep: expect.stringContaining('No route to it') },
    });
    await world.delivered(user, second.id);
    expect(await bodies(user)).toEqual(['two']);
  });

  it('does not let a request without an answer hold up other conversations', async () => {
    const user = await world.given.user();
    await world.fault(user.platform, { do: 'timeout-before', times: 1 });
    const stuck = await world.send(user, 'stuck', '+12015550101');
    await eventually(
      async () =>
        (await world.twins.faults()).find((f) => f.match?.accountSid === user.platform.account.sid)?.hits === 1,
    );
    const others = await Promise.all(Array.from({ length: 5 }, (_, i) => world.send(user, 'free', `+1201555011${i}`)));
    for (const { id } of others) await world.delivered(user, id);
    // Still in flight or being looked for, so the others did not wait for it.
    expect(['submitting', 'submitted-unknown', 'queued']).toContain((await stateOf(user, stuck.id)).state);
    await world.delivered(user, stuck.id);
  });

  it('sends what comes while the only request under way has no answer', async () => {
    const user = await world.given.user();
    await world.fault(user.platform, { do: 'timeout-before', times: 1 });
    const held = await world.send(user, 'first');
    await eventually(async () => (await stateOf(user, held.id)).state === 'submitting');
    const other = await world.send(user, 'second', '+12015550177');
    await eventually(async () => (await stateOf(user, other.id)).state !== 'queued');
    expect((await stateOf(user, held.id)).state).toBe('submitting');
    await world.drain();
  });

  it("keeps the platform's rate", async () => {
    const user = await world.given.user({ options: { ratePerSecond: 5 } });
    const started = Date.now();
    const sent = [];
    for (let i = 0; i < 10; i++) sent.push(await world.send(user, `r${i}`, `+120155501${10 + i}`));
    for (const { id } of sent) await world.delivered(user, id);
    // Five at once, five more at five a second.
    expect(Date.now() - started).toBeGreaterThan(900);
  });
});

describe('a doubtful answer', () => {
  it.each(['reset-after', 'timeout-after'] as const)('%s: is looked up, found, and not sent again', async (fault) => {
    const user = await world.given.user();
    world.hooks.arrive = false;
    try {
      await world.fault(user.platform, { do: fault });
      const { id } = await world.send(user);
      await world.drain();
      expect(await stateOf(user, id)).toMatchObject({ state: 'accepted' });
      expect(await bodies(user)).toEqual(['hello']);
      expect(await attemptsOf(user, id)).toHaveLength(1);
    } finally {
      world.hooks.arrive = true;
    }
  });

  it.each([{ do: 'status', status: 500 }, { do: 'reset-before' }] as const)(
    'without effect ($do): is proven absent and sent once more',
    async (fault) => {
      const user = await world.given.user();
      await world.fault(user.platform, fault);
      const { id } = await world.send(user);
      await world.delivered(user, id);
      expect(await bodies(user)).toEqual(['hello']);
      expect((await attemptsOf(user, id)).map(({ attempt, state }) => [attempt, state])).toEqual([
        [1, 'failed'],
        [2, 'delivered'],
      ]);
    },
  );

  it('does not take an earlier equal text for the lost one', async () => {
    const user = await world.given.user();
    const first = await world.send(user, 'same');
    await world.delivered(user, first.id);
    await world.fault(user.platform, { do: 'reset-before' });
    const second = await world.send(user, 'same');
    await world.delivered(user, second.id);
    expect(await bodies(user)).toEqual(['same', 'same']);
  });

  it('is looked up, not doubled, when the sender died after sending', async () => {
    const user = await world.given.user();
    const died = await world.send(user, 'sent before the end');
    const unsent = await world.send(user, 'claimed only', '+12015550155');
    await world.delivered(user, died.id);
    await world.delivered(user, unsent.id);
    // The journal as a process leaves it that dies between the request and the answer; the lease is over.
    await world.db.query(
      sql`update send_attempt set state = 'submitting', carrier_message_id = null, finished_at = null where message_id in (${died.id}, ${unsent.id})`,
    );
    await world.db.query(
      sql`update message set state = 'submitting', next_attempt_at = now() where id in (${died.id}, ${unsent.id})`,
    );
    const [message] = await world.twins.messages({ accountSid: user.platform.account.sid, to: '+12015550155' });
    expect(message).toBeDefined();
    await world.drain();
    expect((await stateOf(user, died.id)).state).toBe('accepted');
    expect(await bodies(user)).toHaveLength(2);
  });

  it('is sent again when the sender died before sending', async () => {
    const user = await world.given.user();
    const queries = world.app.get(SenderService)['queries'];
    await world.db.query(
      sql`update platform set sender = 'dead', sender_until = now() + interval '1 hour' where platform_id = ${user.platform.platformId}`,
    );
    const { id } = await world.send(user);
    expect(await queries.claim(user.platform.platformId, 10, [])).toHaveLength(1);
    await world.db.query(sql`update message set next_attempt_at = now() where id = ${id}`);
    await world.db.query(sql`update platform set sender_until = now() where platform_id = ${user.platform.platformId}`);
    await world.delivered(user, id);
    expect(await bodies(user)).toEqual(['hello']);
  });
});

describe('receipts', () => {
  const accepted = async (text?: string): Promise<{ user: SpecUser; id: string; sids: string[] }> => {
    const user = await world.given.user();
    world.hooks.arrive = false;
    const { id } = await world.send(user, text);
    await world.drain();
    const sids = (await attemptsOf(user, id)).map(({ carrierMessageId }) => carrierMessageId!);
    return { user, id, sids };
  };
  afterEach(() => {
    world.hooks.arrive = true;
  });

  it('move forward only: twice, late and out of order', async () => {
    const { user, id, sids } = await accepted();
    const stateAfter = async (status: string, error?: string) => {
      await world.receipt(user.platform, sids[0]!, status, error);
      await world.idle();
      return (await stateOf(user, id)).state;
    };
    expect(await stateAfter('delivered')).toBe('delivered');
    const { items } = await world.sync(user);
    expect(await stateAfter('delivered')).toBe('delivered');
    expect(await stateAfter('sent')).toBe('delivered');
    expect(await stateAfter('failed', 'UNKNOWN_ERROR')).toBe('delivered');
    expect(await world.sync(user)).toMatchObject({ items });
  });

  it('say why it failed and what to do, and a retry sends it again', async () => {
    const { user, id, sids } = await accepted();
    await world.receipt(user.platform, sids[0]!, 'undelivered', 'UNREACHABLE_DESTINATION_HANDSET');
    await world.idle();
    expect(await stateOf(user, id)).toMatchObject({
      state: 'undelivered',
      failure: {
        reason: 'unreachable-handset',
        carrierCode: 'UNREACHABLE_DESTINATION_HANDSET',
        nextStep: expect.stringContaining('switched off'),
      },
    });
    world.hooks.arrive = true;
    const again = await world.call(routingRpc.retryMessage, { id }, user.scope);
    expect(again).toMatchObject({ state: 'queued' });
    expect(again.failure).toBeUndefined();
    await world.delivered(user, id);
    expect(await bodies(user)).toEqual(['hello', 'hello']);
    expect((await attemptsOf(user, id)).map(({ attempt, state }) => [attempt, state])).toEqual([
      [1, 'undelivered'],
      [2, 'delivered'],
    ]);
    expect((await refusal(world.call(routingRpc.retryMessage, { id }, user.scope))).code).toBe('message-not-retryable');
  });

  it('of a retry that got no answer are not found in the first try', async () => {
    const { user, id, sids } = await accepted();
    await world.receipt(user.platform, sids[0]!, 'failed', 'UNKNOWN_ERROR');
    await world.idle();
    world.hooks.arrive = true;
    await world.fault(user.platform, { do: 'reset-before' });
    await world.call(routingRpc.retryMessage, { id }, user.scope);
    await world.delivered(user, id);
    expect(await bodies(user)).toEqual(['hello', 'hello']);
  });

  it('with a word nobody knows make it unknown, and delivered still counts', async () => {
    const { user, id, sids } = await accepted();
    await world.receipt(user.platform, sids[0]!, 'pondering', '4711');
    await world.idle();
    expect((await stateOf(user, id)).state).toBe('unknown');
    await world.receipt(user.platform, sids[0]!, 'delivered');
    await world.idle();
    expect((await stateOf(user, id)).state).toBe('delivered');
  });

  it('that come before the id is stored wait for it', async () => {
    const { user, id, sids } = await accepted();
    // As if the answer to the request had not been written yet.
    await world.db.query(
      sql`update send_attempt set state = 'submitting', carrier_message_id = null where message_id = ${id}`,
    );
    await world.db.query(
      sql`update message set state = 'submitting', next_attempt_at = now() + interval '1 hour' where id = ${id}`,
    );
    await world.receipt(user.platform, sids[0]!, 'delivered');
    await world.receipt(user.platform, sids[0]!, 'sent');
    await world.idle();
    expect((await stateOf(user, id)).state).toBe('submitting');
    await world.db.query(sql`update message set next_attempt_at = now() where id = ${id}`);
    await world.delivered(user, id);
    expect(
      await world.db.query(sql`select 1 from parked_receipt where platform_id = ${user.platform.platformId}`),
    ).toEqual([]);
  });

  it('of a long text: the worst part decides', async () => {
    const { user, id, sids } = await accepted('long '.repeat(80));
    expect(sids).toHaveLength(3);
    await world.receipt(user.platform, sids[0]!, 'delivered');
    await world.receipt(user.platform, sids[2]!, 'delivered');
    await world.idle();
    expect((await stateOf(user, id)).state).toBe('accepted');
    await world.receipt(user.platform, sids[1]!, 'undelivered', 'UNKNOWN_DESTINATION_HANDSET');
    await world.idle();
    expect(await stateOf(user, id)).toMatchObject({ state: 'undelivered', failure: { reason: 'unknown-handset' } });
    expect((await bodies(user)).join('')).toBe('long '.repeat(80));
    world.hooks.arrive = true;
    await world.call(routingRpc.retryMessage, { id }, user.scope);
    await world.delivered(user, id);
    // Only the part that did not arrive.
    expect(await bodies(user)).toHaveLength(4);
  });

  it('of parts whose middle got no answer do not fail the message', async () => {
    const user = await world.given.user();
    await world.fault(user.platform, { do: 'reset-before', skip: 1 });
    const { id } = await world.send(user, 'part '.repeat(80));
    await world.delivered(user, id);
    const sent = await bodies(user);
    expect(sent).toHaveLength(3);
    expect(sent.join('')).toBe('part '.repeat(80));
  });
});

describe('trouble at the platform', () => {
  it('waits out refused credentials and then sends', async () => {
    const user = await world.given.user();
    await world.fault(user.platform, { do: 'status', status: 401 });
    const { id } = await world.send(user);
    await eventually(async () => (await attemptsOf(user, id))[0]?.error?.startsWith('platform-credentials-refused'));
    expect((await stateOf(user, id)).state).toBe('queued');
    await world.db.query(sql`update message set next_attempt_at = now() where id = ${id}`);
    world.app.get(SenderService)['pausedUntil'].clear();
    await world.delivered(user, id);
  });

  it('sends what Redis forgot', async () => {
    const user = await world.given.user();
    await world.db.query(
      sql`update platform set sender = 'busy', sender_until = now() + interval '1 hour' where platform_id = ${user.platform.platformId}`,
    );
    const { id } = await world.send(user);
    await world.drainJobs();
    expect((await stateOf(user, id)).state).toBe('queued');
    await world.db.query(sql`update platform set sender_until = now() where platform_id = ${user.platform.platformId}`);
    await world.delivered(user, id);
  });
});

describe('a rate per number', () => {
  it('holds its messages back and nobody else’s', async () => {
    const slow = await startRouting({ env: { NUMBER_RATE_PER_SECOND: '1' } });
    try {
      const busy = await slow.given.user();
      const other = await slow.given.user({ platform: busy.platform });
      for (let i = 0; i < 40; i++) await slow.send(busy, `b${i}`, `+120155501${10 + i}`);
      const single = await slow.send(other);
      await slow.delivered(other, single.id);
      const sent = (await slow.atCarrier(busy.platform)).filter(({ body }) => body.startsWith('b')).length;
      expect(sent).toBeGreaterThanOrEqual(25);
      expect(sent).toBeLessThan(40);
    } finally {
      await slow.stop();
    }
  }, 60_000);
});
