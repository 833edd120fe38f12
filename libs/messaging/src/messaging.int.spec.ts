import { AppError } from '@strowger/kernel';
import { eventually, testNats, type ServerProcess } from '@strowger/testing';
import {
  BatchConsumer,
  Consumer,
  Consumers,
  DeadLetters,
  ensureStreams,
  Handles,
  Messaging,
  Publisher,
  type ConsumerOptions,
  type InboxTransaction,
  type RawMessage,
  type Received,
} from './index.js';
import { eventOf, NumberActivatedV1, UserMovedV1, UserRenamedV1 } from './messaging.fixtures.js';

let nats: ServerProcess;
const open: Messaging[] = [];
const running: Consumers[] = [];

beforeAll(async () => {
  nats = await testNats();
});
afterEach(async () => {
  for (const consumers of running.splice(0)) await consumers.stop(1000);
  for (const messaging of open.splice(0)) await messaging.close();
});
afterAll(() => nats.stop());

async function connected(name = 'test'): Promise<{ messaging: Messaging; publisher: Publisher; dead: DeadLetters }> {
  const messaging = await Messaging.connect({ natsUrl: nats.url, name });
  open.push(messaging);
  const publisher = new Publisher(messaging);
  return { messaging, publisher, dead: new DeadLetters(messaging, publisher) };
}

async function consume(instance: object, on?: { messaging: Messaging; publisher: Publisher }, inbox?: InboxTransaction) {
  const world = on ?? (await connected());
  const consumers = new Consumers(world.messaging, world.publisher, inbox);
  consumers.start([instance]);
  running.push(consumers);
  await consumers.started();
  return consumers;
}

let names = 0;
const uniqueName = (): string => `test-consumer${++names}`;

/** A consumer of UserRenamedV1 that does what the test says. */
function renames(handle: (received: Received<UserRenamedV1>) => unknown, options: ConsumerOptions = {}, name = uniqueName()) {
  @Consumer(name, { deliver: 'new', ackWaitSeconds: 1, ...options })
  class Renames {
    @Handles(UserRenamedV1)
    async on(received: Received<UserRenamedV1>): Promise<void> {
      await handle(received);
    }
  }
  return Object.assign(new Renames(), { consumerName: name });
}

const rename = (name: string, about = {}) => eventOf(UserRenamedV1, { name }, about);

describe('streams', () => {
  it('are created once and brought back after a change', async () => {
    const { messaging } = await connected();
    expect(await ensureStreams(messaging.jsm)).toEqual([]);
    const { config } = await messaging.jsm.streams.info('INGESTION');
    expect(config.max_age).toBe(7 * 86_400_000_000_000);
    await messaging.jsm.streams.update('INGESTION', { ...config, max_age: 60_000_000_000 * 60, subjects: ['ingestion.>', 'odd.>'] });
    expect(await ensureStreams(messaging.jsm)).toEqual(['INGESTION']);
    expect((await messaging.jsm.streams.info('INGESTION')).config).toMatchObject({ max_age: config.max_age, subjects: ['ingestion.>'] });
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
    const events = Array.from({ length: 20 }, (_, i) => ['slow', 'a', 'b'].map((subject) => rename('x', { subject, sequence: i })));
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
    await consume(renames(({ data, redelivered }) => void seen.push([data.name, redelivered]), {}, name), world);
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
    const before = await consume(renames(({ data }) => void seen.push(data.name), {}, name), world);
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
    expect(items).toMatchObject([{ reason: 'attempts-exhausted', kind: 'not-found', deliveries: 3, error: 'user-not-found: There is no such user.' }]);
  });
});

describe('dead letters', () => {
  it('hold what breaks its contract, with the bytes as they were, and nobody was called', async () => {
    const world = await connected();
    let calls = 0;
    const consumer = renames(() => void calls++);
    await consume(consumer, world);
    const bad = eventOf(UserRenamedV1, { name: 42 as never });
    await world.publisher.publish(bad);
    await world.publisher.publishRaw(UserRenamedV1.type, Buffer.from('{not json'), { msgId: 'not-json' });
    await world.messaging.idle();
    const { items } = await world.dead.list({ consumer: consumer.consumerName });
    expect(items.map(({ reason }) => reason).sort()).toEqual(['invalid-data', 'unreadable']);
    const invalid = items.find(({ reason }) => reason === 'invalid-data')!;
    expect(Buffer.from(invalid.bytes).toString()).toBe(JSON.stringify(bad));
    expect(invalid).toMatchObject({ stream: 'HIERARCHY', subject: UserRenamedV1.type, event: { id: bad.id }, kind: 'invalid' });
    expect(calls).toBe(0);
  });

  it('are replayed to their consumer only', async () => {
    const world = await connected();
    let broken = true;
    const mine: string[] = [];
    const others: string[] = [];
    const consumer = renames(({ data }) => {
      if (broken) throw new AppError('conflict', 'not-now', 'Not now.');
      mine.push(data.name);
    });
    await consume(consumer, world);
    await consume(renames(({ data }) => void others.push(data.name)), world);
    await world.publisher.publish(rename('again'));
    await world.messaging.idle();
    const [letter] = (await world.dead.list({ consumer: consumer.consumerName })).items;
    expect(letter).toMatchObject({ reason: 'refused', kind: 'conflict' });
    broken = false;
    await world.dead.replay(letter!.id);
    await world.messaging.idle();
    expect([mine, others]).toEqual([['again'], ['again']]);
    expect((await world.dead.list({ consumer: consumer.consumerName })).items).toEqual([]);
    await expect(world.dead.replay(letter!.id)).rejects.toMatchObject({ code: 'dead-letter-not-found' });
  });

  it('are listed in pages', async () => {
    const world = await connected();
    const consumer = renames(() => {
      throw new AppError('invalid', 'no', 'No.');
    });
    await consume(consumer, world);
    for (let i = 0; i < 5; i++) await world.publisher.publish(rename(String(i)));
    await world.messaging.idle();
    const names: unknown[] = [];
    let cursor: string | undefined;
    do {
      const page = await world.dead.list({ consumer: consumer.consumerName, limit: 2, cursor });
      names.push(page.items.map(({ event }) => (event!.data as UserRenamedV1).name));
      cursor = page.nextCursor;
    } while (cursor);
    expect(names).toEqual([['0', '1'], ['2', '3'], ['4']]);
  });

  it('park a type that only a newer version of the service knows; an old process never acks it away', async () => {
    const name = uniqueName();
    const newer = await connected('newer');
    @Consumer(name, { deliver: 'new', maxDeliver: 2 })
    class Newer {
      @Handles(UserRenamedV1)
      async onRenamed(): Promise<void> {}
      @Handles(UserMovedV1)
      async onMoved(): Promise<void> {}
    }
    const newerConsumers = await consume(new Newer(), newer);
    await newerConsumers.stop();
    const world = await connected();
    const older = renames(() => undefined, { maxDeliver: 2 }, name);
    await consume(older, world);
    await world.publisher.publish(eventOf(UserMovedV1, { to: 'x' }));
    await world.messaging.idle();
    expect((await world.dead.list({ consumer: name })).items).toMatchObject([{ reason: 'unknown-type', event: { type: UserMovedV1.type } }]);
  });
});

describe('batches', () => {
  async function batches(handle: (messages: RawMessage[]) => Promise<void>, options: { maxDeliver?: number } = {}) {
    const name = uniqueName();
    const world = await connected();
    @BatchConsumer(name, { stream: 'INGESTION', filter: `ingestion.${name}.>`, ...options })
    class Batches {
      handleBatch(messages: RawMessage[]): Promise<void> {
        return handle(messages);
      }
    }
    await consume(new Batches(), world);
    const publish = (texts: string[]) =>
      Promise.all(texts.map((text) => world.publisher.publishRaw(`ingestion.${name}.x`, Buffer.from(text), { msgId: `${name} ${text}` })));
    return { ...world, name, publish };
  }
  const textOf = ({ data }: RawMessage): string => Buffer.from(data).toString();
  const numbers = (n: number): string[] => Array.from({ length: n }, (_, i) => String(i));

  it('take what has arrived, in order, 500 at most', async () => {
    const sizes: number[] = [];
    const seen: string[] = [];
    const world = await batches(async (messages) => {
      sizes.push(messages.length);
      seen.push(...messages.map(textOf));
    });
    await world.publish(numbers(1500));
    await world.messaging.idle();
    expect(seen).toEqual(numbers(1500));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(500);
    expect(sizes.length).toBeLessThan(200);
  });

  it('a poison message becomes a dead letter and the other messages are handled once, in order', async () => {
    const seen: string[] = [];
    const world = await batches(
      async (messages) => {
        if (messages.some((message) => textOf(message) === '70')) throw new Error('poison');
        seen.push(...messages.map(textOf));
      },
      { maxDeliver: 2 },
    );
    await world.publish(numbers(100));
    await world.messaging.idle();
    expect(seen).toEqual(numbers(100).filter((text) => text !== '70'));
    const { items } = await world.dead.list({ consumer: world.name });
    expect(items.map(({ bytes, reason }) => [Buffer.from(bytes).toString(), reason])).toEqual([['70', 'attempts-exhausted']]);
  });

  it('are held in order while something is away', async () => {
    let failures = 3;
    const seen: string[] = [];
    const world = await batches(async (messages) => {
      if (failures-- > 0) throw new AppError('unavailable', 'thing-away', 'The thing is away.');
      seen.push(...messages.map(textOf));
    });
    await world.publish(numbers(50));
    await world.messaging.idle();
    expect(seen).toEqual(numbers(50));
  });

  it('replay a dead letter under its first subject', async () => {
    let broken = true;
    const subjects: string[] = [];
    const world = await batches(async (messages) => {
      if (broken) throw new AppError('invalid', 'no', 'No.');
      subjects.push(...messages.map(({ subject }) => subject));
    });
    await world.publish(['x']);
    await world.messaging.idle();
    broken = false;
    const [letter] = (await world.dead.list({ consumer: world.name })).items;
    await world.dead.replay(letter!.id);
    await world.messaging.idle();
    expect(subjects).toEqual([`ingestion.${world.name}.x`]);
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
    await consume(renames(({ data }) => void done.push(data.name), {}, name), world);
    await world.messaging.idle();
    expect([...done].sort()).toEqual([...all].sort());
  });
});
