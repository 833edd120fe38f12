import { AppError } from '@strowger/kernel';
import { eventually } from '@strowger/testing';
import { Consumer, ensureStreams, Handles, Publisher, type Received } from './index.js';
import {
  connected,
  consume,
  eventOf,
  NumberActivatedV1,
  rename,
  renames,
  uniqueName,
  useNats,
  UserMovedV1,
  UserRenamedV1,
} from './messaging.fixtures.js';

useNats();

describe('streams', () => {
  it('are created once and brought back after a change', async () => {
    const { messaging } = await connected();
    expect(await ensureStreams(messaging.jsm)).toEqual([]);
    const { config } = await messaging.jsm.streams.info('INGESTION');
    expect(config.max_age).toBe(7 * 86_400_000_000_000);
    await messaging.jsm.streams.update('INGESTION', {
      ...config,
      max_age: 60_000_000_000 * 60,
      subjects: ['ingestion.>', 'odd.>'],
    });
    expect(await ensureStreams(messaging.jsm)).toEqual(['INGESTION']);
    expect((await messaging.jsm.streams.info('INGESTION')).config).toMatchObject({
      max_age: config.max_age,
      subjects: ['ingestion.>'],
    });
  });
});

describe('publishing', () => {
  it('stores a message id once', async () => {
    const { publisher } = await connected();
    const event = rename('once');
    const acks = await Promise.all([publisher.publish(event), publisher.publish(event)]);
    expect(acks.map((ack) => ack.duplicate)).toEqual([false, true]);
    expect(acks[0]!.seq).toBe(acks[1]!.seq);
  });

  it('keeps the order of one turn', async () => {
    const { publisher } = await connected();
    const acks = await Promise.all(Array.from({ length: 300 }, (_, i) => publisher.publish(rename(String(i)))));
    expect(acks.map((ack, i) => ack.seq - i)).toEqual(acks.map(() => acks[0]!.seq));
  });

  it('fails when no stream captures the subject: nobody stored it', async () => {
    const { publisher } = await connected();
    const lost = publisher.publishRaw('nowhere.at.all', Buffer.from('x'), { msgId: 'x' });
    await expect(lost).rejects.toMatchObject({ code: 'stream-unavailable', outcome: undefined });
  });

  it('refuses what the stream will never take', async () => {
    const { publisher } = await connected();
    const big = publisher.publishRaw('hierarchy.user.renamed.v1', Buffer.alloc(1024 * 1024 + 1), { msgId: 'big' });
    await expect(big).rejects.toMatchObject({ code: 'publish-refused' });
  });

  it('refuses more than it may hold', async () => {
    const { messaging } = await connected();
    const small = new Publisher(messaging, 2);
    const results = await Promise.allSettled([1, 2, 3].map((i) => small.publish(rename(`over ${i}`))));
    expect(results.map((r) => r.status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  });
});

describe('consuming', () => {
  it('hands over the data as an instance of its contract, and only the types it handles', async () => {
    const { messaging, publisher } = await connected();
    const seen: unknown[] = [];
    @Consumer('test-two-types', { deliver: 'new' })
    class Both {
      @Handles(UserRenamedV1)
      async onRenamed({ data, sequence }: Received<UserRenamedV1>): Promise<void> {
        seen.push([data instanceof UserRenamedV1, data.name, sequence]);
      }
      @Handles(UserMovedV1)
      async onMoved({ data, tenantId }: Received<UserMovedV1>): Promise<void> {
        seen.push([data.to, tenantId]);
      }
      @Handles(NumberActivatedV1)
      async onActivated({ data }: Received<NumberActivatedV1>): Promise<void> {
        seen.push(data.order);
      }
    }
    await consume(new Both(), { messaging, publisher });
    await publisher.publish(rename('Ada', { sequence: 7 }));
    await publisher.publish({ ...rename('x'), type: 'hierarchy.user.unheard-of.v1' });
    await publisher.publish(eventOf(UserMovedV1, { to: 'g-2' }, { tenantid: 'sp-1', sequence: 8 }));
    await messaging.idle();
    await publisher.publish(eventOf(NumberActivatedV1, { order: 3 }));
    await messaging.idle();
    expect(seen).toEqual([[true, 'Ada', 7], ['g-2', 'sp-1'], 3]);
  });

  it('keeps the order of each aggregate and works on others meanwhile', async () => {
    const world = await connected();
    const seen: Record<string, number[]> = {};
    const gate = Promise.withResolvers<void>();
    await consume(
      renames(async ({ subject, sequence }) => {
        if (subject === 'slow') await gate.promise;
        (seen[subject] ??= []).push(sequence);
      }),
      world,
    );
    const events = Array.from({ length: 20 }, (_, i) =>
      ['slow', 'a', 'b'].map((subject) => rename('x', { subject, sequence: i })),
    );
    await Promise.all(events.flat().map((event) => world.publisher.publish(event)));
    await eventually(() => seen.a?.length === 20 && seen.b?.length === 20);
    expect(seen.slow).toBeUndefined();
    gate.resolve();
    await world.messaging.idle();
    const inOrder = Array.from({ length: 20 }, (_, i) => i);
    expect(seen).toEqual({ slow: inOrder, a: inOrder, b: inOrder });
  });

  it('delivers again what a crashed process had not acked, within the short ack wait', async () => {
    const name = uniqueName();
    const crashed = await connected('crashed');
    const begun = Promise.withResolvers<void>();
    await consume(
      renames(
        async () => {
          begun.resolve();
          await new Promise(() => undefined);
        },
        {},
        name,
      ),
      crashed,
    );
    const world = await connected();
    await world.publisher.publish(rename('Grace'));
    await begun.promise;
    await crashed.messaging.nc.close();
    const seen: [string, boolean][] = [];
    await consume(
      renames(({ data, redelivered }) => void seen.push([data.name, redelivered]), {}, name),
      world,
    );
    await eventually(() => seen.length > 0);
    expect(seen).toEqual([['Grace', true]]);
  });

  it('a handler longer than the ack wait is not given the fact twice', async () => {
    const world = await connected();
    let calls = 0;
    const finish = Promise.withResolvers<void>();
    const consumer = renames(async () => {
      calls++;
      await finish.promise;
    });
    await consume(consumer, world);
    await world.publisher.publish(rename('slow'));
    const started = Date.now();
    await eventually(async () => Date.now() - started > 2500, { timeoutMs: 4000 });
    finish.resolve();
    await world.messaging.idle();
    expect(calls).toBe(1);
  });

  it('a handler that hangs is reported, and its fact is tried again', async () => {
    const world = await connected();
    let calls = 0;
    const consumer = renames(
      () => {
        if (++calls === 1) return new Promise(() => undefined);
        return undefined;
      },
      { handlerTimeoutSeconds: 0.3 },
    );
    await consume(consumer, world);
    await world.publisher.publish(rename('hangs'));
    await eventually(() => calls === 2, { timeoutMs: 5000 });
  });

  it('a consumer that learns a further type gets it from then on', async () => {
    const name = uniqueName();
    const world = await connected();
    const seen: string[] = [];
    const before = await consume(
      renames(({ data }) => void seen.push(data.name), {}, name),
      world,
    );
    await world.publisher.publish(rename('one'));
    await world.messaging.idle();
    await before.stop();
    @Consumer(name)
    class Wider {
      @Handles(UserRenamedV1)
      async onRenamed({ data }: Received<UserRenamedV1>): Promise<void> {
        seen.push(data.name);
      }
      @Handles(UserMovedV1)
      async onMoved({ data }: Received<UserMovedV1>): Promise<void> {
        seen.push(data.to);
      }
    }
    await consume(new Wider(), world);
    await world.publisher.publish(eventOf(UserMovedV1, { to: 'two' }));
    await world.publisher.publish(rename('three'));
    await world.messaging.idle();
    expect(seen).toEqual(['one', 'two', 'three']);
    const { config } = await world.messaging.jsm.consumers.info('HIERARCHY', name);
    expect(config.filter_subject).toBe('hierarchy.user.>');
  });

  it('waits with a fact while something is away, and counts no attempt', async () => {
    const world = await connected();
    let calls = 0;
    const consumer = renames(
      () => {
        if (++calls < 5) throw new AppError('unavailable', 'thing-away', 'The thing is away.');
      },
      { maxDeliver: 1 },
    );
    await consume(consumer, world);
    await world.publisher.publish(rename('patient'));
    await world.messaging.idle();
    expect(calls).toBe(5);
    expect((await world.dead.list({ consumer: consumer.consumerName })).items).toEqual([]);
  });

  it('asks again for what may only be early, then makes it a dead letter', async () => {
    const world = await connected();
    let calls = 0;
    const consumer = renames(
      () => {
        calls++;
        throw new AppError('not-found', 'user-not-found', 'There is no such user.');
      },
      { maxDeliver: 3 },
    );
    await consume(consumer, world);
    await world.publisher.publish(rename('early'));
    await world.messaging.idle();
    expect(calls).toBe(3);
    const { items } = await world.dead.list({ consumer: consumer.consumerName });
    expect(items).toMatchObject([
      {
        reason: 'attempts-exhausted',
        kind: 'not-found',
        deliveries: 3,
        error: 'user-not-found: There is no such user.',
      },
    ]);
  });
});

describe('shutting down', () => {
  it('finishes what has begun, hands back what has not, and nothing is lost or done twice', async () => {
    const name = uniqueName();
    const done: string[] = [];
    const first = await connected('first');
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const consumers = await consume(
      renames(
        async ({ data }) => {
          begun.resolve();
          await gate.promise;
          done.push(data.name);
        },
        { concurrency: 2 },
        name,
      ),
      first,
    );
    const world = await connected();
    const all = Array.from({ length: 30 }, (_, i) => String(i));
    await Promise.all(all.map((text) => world.publisher.publish(rename(text, { subject: text }))));
    await begun.promise;
    const stopped = consumers.stop(5000);
    gate.resolve();
    await stopped;
    await first.messaging.close();
    expect(done.length).toBeGreaterThan(0);
    expect(done.length).toBeLessThan(30);
    await consume(
      renames(({ data }) => void done.push(data.name), {}, name),
      world,
    );
    await world.messaging.idle();
    expect([...done].sort()).toEqual([...all].sort());
  });
});
