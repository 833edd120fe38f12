import { eventually } from '@strowger/testing';
import { AppError } from '@strowger/kernel';
import { BatchConsumer, Consumer, Handles, type RawMessage } from './index.js';
import {
  connected,
  consume,
  eventOf,
  rename,
  renames,
  uniqueName,
  useNats,
  UserMovedV1,
  UserRenamedV1,
} from './messaging.fixtures.js';

useNats();

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
    expect(invalid).toMatchObject({
      stream: 'HIERARCHY',
      subject: UserRenamedV1.type,
      event: { id: bad.id },
      kind: 'invalid',
    });
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
    await consume(
      renames(({ data }) => void others.push(data.name)),
      world,
    );
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
    expect((await world.dead.list({ consumer: name })).items).toMatchObject([
      { reason: 'unknown-type', event: { type: UserMovedV1.type } },
    ]);
  });
});

describe('batches', () => {
  async function batches(
    handle: (messages: RawMessage[]) => Promise<void>,
    options: { maxDeliver?: number; ackWaitSeconds?: number } = {},
    name = uniqueName(),
  ) {
    const world = await connected();
    @BatchConsumer(name, { stream: 'INGESTION', filter: `ingestion.${name}.>`, ...options })
    class Batches {
      handleBatch(messages: RawMessage[]): Promise<void> {
        return handle(messages);
      }
    }
    await consume(new Batches(), world);
    const publish = (texts: string[]) =>
      Promise.all(
        texts.map((text) =>
          world.publisher.publishRaw(`ingestion.${name}.x`, Buffer.from(text), { msgId: `${name} ${text}` }),
        ),
      );
    return { ...world, name, publish };
  }
  const textOf = (message: RawMessage): string => String(message.json());
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
    expect(items.map(({ bytes, reason }) => [Buffer.from(bytes).toString(), reason])).toEqual([
      ['70', 'attempts-exhausted'],
    ]);
  });

  it('take the events of an array as they take messages; a poison one among them is given up alone', async () => {
    const seen: string[] = [];
    const calls: number[] = [];
    let broken = true;
    const world = await batches(
      async (messages) => {
        calls.push(messages.length);
        if (broken && messages.some((message) => textOf(message) === '7')) throw new Error('poison');
        seen.push(...messages.map(textOf));
      },
      { maxDeliver: 2 },
    );
    await world.publish(['[0,1,2]', '3', '[4,5,6,7,8]', '[9]', '[]']);
    await world.messaging.idle();
    expect(seen).toEqual([...numbers(10).filter((text) => text !== '7'), '']);
    expect(calls.length).toBeLessThan(20);
    const { items } = await world.dead.list({ consumer: world.name });
    expect(items.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(['7']);
    broken = false;
    await world.dead.replay(items[0]!.id);
    await world.messaging.idle();
    expect(seen.at(-1)).toBe('7');
  });

  it('take a message whole again whose last event a crashed process did not reach', async () => {
    const options = { ackWaitSeconds: 1 };
    const begun = Promise.withResolvers<void>();
    let last = false;
    const crashed = await batches(async (messages) => {
      if (messages.some((message) => textOf(message) === '1') && messages.length > 1)
        throw new AppError('invalid', 'alone', 'One by one, please.');
      if (textOf(messages[0]!) !== '1') return;
      last = true;
      begun.resolve();
      await new Promise(() => undefined);
    }, options);
    await crashed.publish(['[0,1]']);
    await begun.promise;
    await crashed.messaging.nc.close();
    expect(last).toBe(true);
    const seen: string[] = [];
    await batches(async (messages) => void seen.push(...messages.map(textOf)), options, crashed.name);
    await eventually(() => seen.length === 2, { timeoutMs: 10_000 });
    expect(seen).toEqual(['0', '1']);
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

  it('that a crashed process had in hand come before what is newer', async () => {
    const options = { ackWaitSeconds: 1 };
    const begun = Promise.withResolvers<void>();
    const crashed = await batches(async () => {
      begun.resolve();
      await new Promise(() => undefined);
    }, options);
    await crashed.publish(['0', '1', '2']);
    await begun.promise;
    await crashed.messaging.nc.close();
    const seen: string[] = [];
    const next = await connected();
    for (const text of ['3', '4'])
      await next.publisher.publishRaw(`ingestion.${crashed.name}.x`, Buffer.from(text), {
        msgId: `${crashed.name} ${text}`,
      });
    await batches(async (messages) => void seen.push(...messages.map(textOf)), options, crashed.name);
    await eventually(() => seen.length === 5, { timeoutMs: 10_000 });
    expect(seen).toEqual(['0', '1', '2', '3', '4']);
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
