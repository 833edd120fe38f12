import { routingRpc } from '@strowger/contracts-routing';
import { newId } from '@strowger/kernel';
import { eventually } from '@strowger/testing';
import { sql } from '@strowger/persistence';
import { DirectoryService } from '../directory/directory.service.js';
import { providerScope, refusal, REMOTE, startRouting, type World } from '../routing.fixtures.js';
import { MessageStore } from '../messages/message.store.js';

let world: World;
beforeAll(async () => {
  world = await startRouting();
}, 60_000);
afterAll(() => world.stop());

describe('an inbound message', () => {
  it('is stored once and pushed to the user who owns the number', async () => {
    const user = await world.given.user();
    const { frames } = world.listen(user);
    await world.receive(user.platform, { to: user.e164, text: 'hi' });
    await world.idle();
    const [message, ...others] = await world.messagesOf(user);
    expect(others).toEqual([]);
    expect(message).toMatchObject({
      direction: 'inbound',
      number: user.e164,
      remote: REMOTE,
      text: 'hi',
      state: 'received',
      encoding: 'GSM-7',
      segments: 1,
      cursor: 1,
    });
    await eventually(() => frames.length === 1);
    expect(frames[0]).toEqual({ cursor: 1, frame: { type: 'message.created', cursor: 1, message } });
  });

  it('is stored once when its carrier repeats it: in one delivery, in two, and redelivered', async () => {
    const user = await world.given.user();
    const sms = world.sms({ to: user.e164 });
    const twice = world.delivery(user.platform, [sms, sms]);
    await world.deliver(twice);
    await world.idle();
    await world.deliver(world.delivery(user.platform, [sms]));
    await world.publish({ type: 'ingestion.delivery.received.v1' } as never, user.userId, twice as never);
    await world.idle();
    expect(await world.messagesOf(user)).toHaveLength(1);
    expect((await world.sync(user)).items).toHaveLength(1);
  });

  it('has no further effect in two hundred with a fifth of them repeats', async () => {
    const user = await world.given.user();
    const { frames } = world.listen(user);
    const fresh = Array.from({ length: 160 }, (_, i) => ({
      to: user.e164,
      id: `SMrep${user.userId}${i}`,
      text: `n${i}`,
      from: `+1201555${3000 + (i % 7)}`,
    }));
    await world.receive(user.platform, ...fresh, ...fresh.slice(40, 80));
    await world.idle();
    const { items } = await world.sync(user);
    expect(items).toHaveLength(160);
    expect(items.map(({ message }) => message.cursor)).toEqual(items.map((_, i) => i + 1));
    await eventually(() => frames.length === 160);
    expect(await world.call(routingRpc.listConversations, {}, user.scope)).toMatchObject({ items: { length: 7 } });
  });

  it('reaches its owner in order and word for word, also in a batch with other things', async () => {
    const ann = await world.given.user();
    const { platform } = ann;
    const bob = await world.given.user({ platform });
    const held = await world.given.user({ platform, licensed: false });
    const blocked = '+12015550177';
    await world.call(routingRpc.blockNumber, { userId: ann.userId, number: blocked }, ann.scope);
    const seen = { to: ann.e164, id: `SMseen${ann.userId}`, text: 'seen before' };
    await world.receive(platform, seen);
    await world.idle();
    const odd = ['plain', '{"a",NULL}', 'back\\slash "quoted", comma', 'two\nlines\tand 😀', 'NULL', ''];
    const batch = odd.flatMap((text, i) => [
      { to: ann.e164, text, from: `+1201555${4000 + (i % 2)}` },
      { to: bob.e164, text },
      { to: held.e164, text },
      { to: '+12015559999', text },
      { to: ann.e164, text, from: blocked },
      seen,
    ]);
    await world.deliver(
      world.delivery(
        platform,
        batch.map((sms) => world.sms(sms)),
      ),
    );
    await world.idle();
    const texts = async (user: typeof ann): Promise<string[]> =>
      (await world.sync(user)).items.map(({ message }) => message.text);
    expect(await texts(ann)).toEqual(['seen before', ...odd]);
    expect(await texts(bob)).toEqual(odd);
    expect(await texts(held)).toEqual([]);
    const { items } = await world.sync(ann);
    expect(items.map(({ message }) => message.cursor)).toEqual(items.map((_, i) => i + 1));
    const [{ held: waiting, unknown } = { held: 0, unknown: 0 }] = await world.db.query(sql<{
      held: number;
      unknown: number;
    }>`
      select (select count(*)::int from message where user_id = ${held.userId} and state = 'held') as held,
             (select count(*)::int from quarantined where platform_id = ${platform.platformId}) as unknown`);
    expect([waiting, unknown]).toEqual([odd.length, odd.length]);
    const [block] = await world.call(routingRpc.listBlocks, { userId: ann.userId }, ann.scope);
    expect(block).toMatchObject({ number: blocked, blockedMessages: odd.length });
  });

  it('comes before the STOP that follows it in one batch, and after the one it follows', async () => {
    const user = await world.given.user();
    const texts = ['before', 'STOP', 'after', 'START', 'last'];
    await world.deliver(
      world.delivery(
        user.platform,
        texts.map((text) => world.sms({ to: user.e164, text })),
      ),
    );
    await world.idle();
    const inbound = (await world.sync(user)).items.filter(({ message }) => message.direction === 'inbound');
    expect(inbound.map(({ message }) => message.text)).toEqual(texts);
  });

  it('makes one conversation with the next one', async () => {
    const user = await world.given.user();
    await world.receive(user.platform, { to: user.e164, text: 'one' }, { to: user.e164, text: 'two' });
    await world.idle();
    expect((await world.call(routingRpc.listConversations, {}, user.scope)).items).toHaveLength(1);
  });

  it('finds its owner however the carrier writes the number', async () => {
    const user = await world.given.user();
    await world.receive(user.platform, { to: user.e164.slice(1) }, { to: user.e164.slice(2) });
    await world.idle();
    expect(await world.messagesOf(user)).toHaveLength(2);
  });
});

describe('a message to a number nobody owns', () => {
  it('waits in quarantine and is delivered in order when the number becomes active', async () => {
    const platform = await world.given.platform();
    const e164 = world.newNumber();
    for (const text of ['first', 'second', 'third']) await world.receive(platform, { to: e164, text });
    await world.idle();
    const waiting = await world.quarantined(platform);
    expect(waiting).toHaveLength(3);
    expect(waiting[0]).toMatchObject({
      reason: 'number-unknown',
      to: e164,
      detail: expect.stringContaining('Add the number'),
    });
    expect(
      (await refusal(world.call(routingRpc.replayQuarantined, { id: waiting[0]!.id }, providerScope(platform)))).code,
    ).toBe('quarantine-not-releasable');
    const user = await world.given.user({ e164, platform });
    const { items } = await world.sync(user);
    expect(items.map(({ message }) => message.text)).toEqual(['first', 'second', 'third']);
    expect(await world.quarantined(platform)).toEqual([]);
    expect(await world.quarantined(platform, true)).toHaveLength(3);
  });

  it('is not left held when the number and the license come while it is being stored', async () => {
    const platform = await world.given.platform();
    const [userId, e164] = [newId(), world.newNumber()];
    const { systemProviderId, platformId } = platform;
    const owner = {
      kind: 'user' as const,
      id: userId,
      name: '',
      systemProviderId,
      resellerId: newId(),
      groupId: newId(),
    };
    const directory = world.app.get(DirectoryService);
    const [number, license] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const waiting = (): Promise<boolean> =>
      eventually(async () => {
        const locks = await world.db.query(sql`
          select 1 from pg_locks where locktype = 'advisory' and not granted
            and database = (select oid from pg_database where datname = current_database())`);
        return locks.length === 1;
      });
    const activation = world.db.transactional(async () => {
      await directory.activate({ numberId: newId(), e164, friendlyName: '', platformId, owner }, 1);
      await number.promise;
    });
    const entitlement = world.db.transactional(async () => {
      await directory.entitle(userId, true, 1);
      await world.app.get(MessageStore).releaseHeld(userId);
      await license.promise;
    });
    await world.receive(platform, { to: e164 });
    await waiting();
    number.resolve();
    await activation;
    await waiting();
    license.resolve();
    await entitlement;
    await world.idle();
    const { items } = await world.sync({ userId, scope: { level: 'user', id: userId, systemProviderId } });
    expect(items).toHaveLength(1);
  });

  it('is not left waiting when it comes while the number becomes active', async () => {
    const platform = await world.given.platform();
    const users = Array.from({ length: 20 }, () => world.newNumber());
    const given = users.map(async (e164) => world.given.user({ e164, platform }));
    for (let i = 0; i < 5; i++) await world.receive(platform, ...users.map((to) => ({ to })));
    const owners = await Promise.all(given);
    await world.idle();
    expect(await world.quarantined(platform)).toEqual([]);
    for (const owner of owners) expect(await world.messagesOf(owner)).toHaveLength(5);
  });
});

describe('a message for a user without a license', () => {
  it('is held, unseen by the user, and shown in order when the license comes', async () => {
    const user = await world.given.user({ licensed: false });
    const { frames } = world.listen(user);
    await world.receive(user.platform, { to: user.e164, text: 'a' });
    await world.receive(user.platform, { to: user.e164, text: 'b' });
    await world.idle();
    expect(await world.messagesOf(user)).toEqual([]);
    expect((await world.sync(user)).items).toEqual([]);
    expect((await world.call(routingRpc.listConversations, {}, user.scope)).items).toEqual([]);
    const held = await world.call(routingRpc.listMessages, { userId: user.userId }, providerScope(user.platform));
    expect(held.items.map(({ state }) => state)).toEqual(['held', 'held']);
    await world.entitle(user);
    await world.idle();
    expect((await world.sync(user)).items.map(({ type, message }) => [type, message.text, message.state])).toEqual([
      ['message.created', 'a', 'received'],
      ['message.created', 'b', 'received'],
    ]);
    await eventually(() => frames.length === 2);
    expect(frames.map(({ cursor }) => cursor)).toEqual([1, 2]);
  });

  it('is not left held when it comes at the same time as the license', async () => {
    const users = [];
    const platform = await world.given.platform();
    for (let i = 0; i < 10; i++) users.push(await world.given.user({ licensed: false, platform }));
    const licenses = users.map((user) => world.entitle(user));
    for (let i = 0; i < 5; i++) await world.receive(platform, ...users.map(({ e164 }) => ({ to: e164 })));
    await Promise.all(licenses);
    await world.idle();
    for (const user of users) expect(await world.messagesOf(user)).toHaveLength(5);
  });
});

describe('a message from a blocked number', () => {
  it('makes no thread and no push, and is counted once', async () => {
    const user = await world.given.user();
    const { frames } = world.listen(user);
    await world.call(routingRpc.blockNumber, { userId: user.userId, number: '(201) 555-0199' }, user.scope);
    await world.call(routingRpc.blockNumber, { userId: user.userId, number: '+12015550188' }, user.scope);
    const sms = { to: user.e164, id: `SMblocked${user.userId}` };
    await world.receive(user.platform, sms, { to: user.e164 });
    await world.idle();
    await world.receive(user.platform, sms, { to: user.e164, from: '+12015550177', text: 'let in' });
    await world.idle();
    expect((await world.messagesOf(user)).map(({ text }) => text)).toEqual(['let in']);
    expect((await world.call(routingRpc.listConversations, {}, user.scope)).items).toHaveLength(1);
    const blocks = await world.call(routingRpc.listBlocks, { userId: user.userId }, user.scope);
    expect(blocks.map(({ number, blockedMessages }) => [number, blockedMessages])).toEqual([
      ['+12015550188', 0],
      [REMOTE, 2],
    ]);
    expect(frames.length).toBeLessThanOrEqual(1);
    await world.call(routingRpc.unblockNumber, { userId: user.userId, id: blocks[1]!.id }, user.scope);
    await world.receive(user.platform, { to: user.e164, text: 'again' });
    await world.idle();
    expect(await world.messagesOf(user)).toHaveLength(2);
  });

  it('is refused where the provider does not allow blocking', async () => {
    const user = await world.given.user({ options: { userCanBlockNumbers: false } });
    const block = world.call(routingRpc.blockNumber, { userId: user.userId, number: REMOTE }, user.scope);
    expect((await refusal(block)).code).toBe('blocking-not-allowed');
  });
});

describe('quarantine', () => {
  const raw = (body: string) => ({
    method: 'POST',
    contentType: 'application/x-www-form-urlencoded',
    query: '',
    bodyBase64: Buffer.from(body).toString('base64'),
  });

  it('keeps an unreadable delivery and routes it once it can be read', async () => {
    const user = await world.given.user();
    const body = `SmsSid=SM${'0'.repeat(32)}&AccountSid=AC1&From=%2B12015550199&To=${encodeURIComponent(user.e164)}&Body=found`;
    await world.deliver(world.delivery(user.platform, [], { unreadable: 'missing-fields', raw: raw('nonsense') }));
    await world.deliver(world.delivery(user.platform, [], { unreadable: 'missing-fields', raw: raw(body) }));
    await world.idle();
    const [readable, broken] = await world.quarantined(user.platform);
    expect(readable).toMatchObject({ reason: 'unreadable', detail: expect.stringContaining('missing-fields') });
    const scope = providerScope(user.platform);
    expect((await refusal(world.call(routingRpc.replayQuarantined, { id: broken!.id }, scope))).code).toBe(
      'quarantine-not-releasable',
    );
    await world.call(routingRpc.replayQuarantined, { id: readable!.id }, scope);
    const again = await world.call(routingRpc.replayQuarantined, { id: readable!.id }, scope);
    expect(again.releasedAt).toEqual(expect.any(String));
    expect((await world.messagesOf(user)).map(({ text }) => text)).toEqual(['found']);
  });

  it('keeps what names another account, and does not route it while it does', async () => {
    const user = await world.given.user();
    const fact = world.sms({ to: user.e164 }, 'AC9');
    const body = (account: string) =>
      raw(
        `SmsSid=SM${'1'.repeat(32)}&AccountSid=${account}&From=%2B12015550199&To=${encodeURIComponent(user.e164)}&Body=mine`,
      );
    await world.deliver(world.delivery(user.platform, [fact], { quarantine: 'account-mismatch', raw: body('AC9') }));
    await world.deliver(
      world.delivery(user.platform, [fact], { quarantine: 'account-mismatch', raw: body(user.platform.account.sid) }),
    );
    await world.idle();
    expect(await world.messagesOf(user)).toEqual([]);
    const [mine, foreign] = await world.quarantined(user.platform);
    expect(foreign!.reason).toBe('account-mismatch');
    const scope = providerScope(user.platform);
    expect((await refusal(world.call(routingRpc.replayQuarantined, { id: foreign!.id }, scope))).code).toBe(
      'quarantine-not-releasable',
    );
    await world.call(routingRpc.replayQuarantined, { id: mine!.id }, scope);
    expect((await world.messagesOf(user)).map(({ text }) => text)).toEqual(['mine']);
  });

  it('pages, newest first', async () => {
    const platform = await world.given.platform();
    for (let i = 0; i < 5; i++) await world.receive(platform, { to: world.newNumber() });
    await world.idle();
    const scope = providerScope(platform);
    const seen = [];
    let cursor: string | undefined;
    do {
      const page = await world.call(routingRpc.listQuarantine, { limit: 2, cursor }, scope);
      seen.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor);
    expect(new Set(seen.map(({ id }) => id)).size).toBe(5);
    expect(seen.map(({ at }) => at)).toEqual(
      seen
        .map(({ at }) => at)
        .sort()
        .reverse(),
    );
  });
});

describe('an ended assignment', () => {
  it('shows the next owner nothing of what came before', async () => {
    const before = await world.given.user();
    const sms = { to: before.e164, id: `SMold${before.userId}` };
    await world.receive(before.platform, sms);
    await world.idle();
    await world.release(before);
    await world.idle();
    // Carriers repeat themselves late, too.
    await world.receive(before.platform, sms);
    const after = await world.given.user({ e164: before.e164, platform: before.platform });
    expect(await world.messagesOf(after)).toEqual([]);
    expect((await world.sync(after)).items).toEqual([]);
    await world.receive(before.platform, { to: before.e164, text: 'new' });
    await world.idle();
    expect((await world.messagesOf(after)).map(({ text }) => text)).toEqual(['new']);
    expect(await world.messagesOf(before)).toHaveLength(1);
  });

  it('takes its messages with it when asked, for good', async () => {
    const user = await world.given.user();
    const sms = { to: user.e164, id: `SMgone${user.userId}` };
    await world.receive(user.platform, sms);
    await world.drain();
    await world.send(user);
    await world.drain();
    await world.release(user, true);
    await world.idle();
    for (const table of ['message', 'conversation', 'send_attempt'])
      expect(
        await world.db.query(
          sql`select 1 from ${sql.table(table)} where ${table === 'send_attempt' ? sql`platform_id = ${user.platform.platformId}` : sql`number_id = ${user.numberId}`}`,
        ),
      ).toEqual([]);
    await world.receive(user.platform, sms);
    const next = await world.given.user({ e164: user.e164, platform: user.platform });
    expect(await world.messagesOf(next)).toEqual([]);
  });

  it('stays ended when the news of its beginning comes late', async () => {
    const platform = await world.given.platform();
    const e164 = world.newNumber();
    const numberId = newId();
    const user = { ...(await world.given.user({ platform })), numberId, e164 };
    await world.release(user);
    await world.idle();
    await world.activate(user, 1);
    await world.receive(platform, { to: e164 });
    await world.idle();
    expect(await world.quarantined(platform)).toHaveLength(1);
  });
});

it('stores each message once when two instances consume at the same time', async () => {
  const two = await startRouting({ instances: 2 });
  try {
    const platform = await two.given.platform();
    const users = await Promise.all(Array.from({ length: 5 }, () => two.given.user({ platform })));
    const all = Array.from({ length: 1000 }, (_, i) => ({
      to: users[i % 5]!.e164,
      id: `SMtwo${i}`,
      from: `+1201555${3000 + (i % 11)}`,
    }));
    await two.receive(platform, ...all, ...all.filter((_, i) => i % 3 === 0));
    await two.idle();
    for (const user of users) {
      const { items } = await two.sync(user);
      expect(items).toHaveLength(200);
      expect(new Set(items.map(({ message }) => message.cursor)).size).toBe(200);
    }
  } finally {
    await two.stop();
  }
}, 60_000);
