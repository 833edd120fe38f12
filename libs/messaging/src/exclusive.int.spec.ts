/** Several processes with one batch consumer: one of them reads, and whatever happens to it the order stays. */
import { AckPolicy, DeliverPolicy } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { AppError } from '@strowger/kernel';
import { eventually } from '@strowger/testing';
import { BatchConsumer, type Messaging, type Publisher, type RawMessage } from './index.js';
import { Lease } from './lease.js';
import { connected, consume, uniqueName, useNats } from './messaging.fixtures.js';

useNats();

const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => String(from + i));
const textOf = (message: RawMessage): string => String(message.json());

/** A process: its own connection, and a consumer that does what the test says. */
async function processOf(name: string, handle: (messages: RawMessage[]) => Promise<void>) {
  const world = await connected();
  @BatchConsumer(name, { stream: 'INGESTION', filter: `ingestion.${name}.>`, maxBatch: 10 })
  class Batches {
    handleBatch(messages: RawMessage[]): Promise<void> {
      return handle(messages);
    }
  }
  return { ...world, consumers: await consume(new Batches(), world) };
}
const publish = ({ publisher }: { publisher: Publisher }, name: string, texts: string[]) =>
  Promise.all(
    texts.map((text) => publisher.publishRaw(`ingestion.${name}.x`, Buffer.from(text), { msgId: `${name} ${text}` })),
  );
/** Ends as a killed process does: nothing is handed back. */
const kill = ({ messaging }: { messaging: Messaging }): Promise<void> => messaging.nc.close();

/** What was handled first of each, in the order it was. */
const firsts = (seen: readonly string[]): string[] => [...new Set(seen)];

it('one process reads; when it is killed another goes on where its acks end, in order', async () => {
  const name = uniqueName();
  const seen: string[] = [];
  const stuck = Promise.withResolvers<void>();
  let hold = false;
  const first = await processOf(name, async (messages) => {
    if (hold) {
      stuck.resolve();
      await new Promise(() => undefined);
    }
    seen.push(...messages.map(textOf));
  });
  const others: string[] = [];
  const second = await processOf(name, async (messages) => {
    others.push(...messages.map(textOf));
    seen.push(...messages.map(textOf));
  });
  await publish(second, name, numbers(0, 50));
  await eventually(() => seen.length === 50);
  expect(others).toEqual([]);
  hold = true;
  await publish(second, name, numbers(50, 70));
  await stuck.promise;
  const killedAt = performance.now();
  await kill(first);
  await publish(second, name, numbers(70, 100));
  await eventually(() => firsts(seen).length === 100, { timeoutMs: 10_000 });
  expect(firsts(seen)).toEqual(numbers(0, 100));
  // The lease runs out after two seconds; the machine of the tests may be busy.
  expect(performance.now() - killedAt).toBeLessThan(6000);
});

it('one that stops hands over at once, and nothing is out of order', async () => {
  const name = uniqueName();
  const seen: string[] = [];
  const note = async (messages: RawMessage[]) => void seen.push(...messages.map(textOf));
  const first = await processOf(name, note);
  const second = await processOf(name, note);
  const third = await processOf(name, note);
  for (let round = 0; round < 3; round++) {
    await publish(third, name, numbers(round * 100, round * 100 + 100));
    if (round < 2) await [first, second][round]!.consumers.stop(1000);
  }
  await eventually(() => firsts(seen).length === 300, { timeoutMs: 10_000 });
  expect(firsts(seen)).toEqual(numbers(0, 300));
});

it('one that loses its lease while something is away takes nothing new, and the next begins before what it held', async () => {
  const name = uniqueName();
  const seen: string[] = [];
  let away = true;
  const first = await processOf(name, async (messages) => {
    if (away) throw new AppError('unavailable', 'thing-away', 'The thing is away.');
    seen.push(...messages.map(textOf));
  });
  const second = await processOf(name, async (messages) => void seen.push(...messages.map(textOf)));
  await publish(second, name, numbers(0, 40));
  // Somebody takes it although the first still lives, as after a pause of its machine.
  const bucket = await new Kvm(second.messaging.js).open('leases');
  await bucket.put(name, JSON.stringify({ holder: '', from: 0, deaths: 0 }));
  await eventually(() => seen.length >= 40, { timeoutMs: 10_000 });
  away = false;
  await publish(second, name, numbers(40, 60));
  await eventually(() => firsts(seen).length === 60, { timeoutMs: 10_000 });
  expect(firsts(seen)).toEqual(numbers(0, 60));
  expect(first.messaging.connected).toBe(true);
});

it.each(['rubbish', '', 'null', '[{"holder":{}}]', '{"holder":"x","from":"y","deaths":-1}'])(
  'reads on, in order, after somebody wrote %j into the key of the lease',
  async (value) => {
    const name = uniqueName();
    const seen: string[] = [];
    const note = async (messages: RawMessage[]) => void seen.push(...messages.map(textOf));
    const first = await processOf(name, note);
    await processOf(name, note);
    await publish(first, name, numbers(0, 20));
    await eventually(() => seen.length === 20);
    const bucket = await new Kvm(first.messaging.js).open('leases');
    const rubbish = await bucket.put(name, value);
    await publish(first, name, numbers(20, 60));
    // Beyond the rubbish's own revision: one of them holds it again.
    await eventually(async () => (await bucket.get(name))!.revision > rubbish, { timeoutMs: 10_000 });
    await publish(first, name, numbers(60, 80));
    await eventually(() => firsts(seen).length === 80, { timeoutMs: 10_000 });
    expect(firsts(seen)).toEqual(numbers(0, 80));
  },
);

it('a message that kills every process that takes it becomes a dead letter in the end', async () => {
  const name = uniqueName();
  const world = await connected();
  // As 25 processes left it that died at the same place.
  await publish(world, name, ['deadly']);
  const deadly = await world.messaging.jsm.streams.getMessage('INGESTION', { last_by_subj: `ingestion.${name}.x` });
  const { seq } = deadly!;
  await world.messaging.jsm.consumers.add('INGESTION', {
    durable_name: name,
    ack_policy: AckPolicy.Explicit,
    filter_subject: `ingestion.${name}.>`,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: seq,
    ack_wait: 60_000_000_000,
  });
  const taken = await (await world.messaging.js.consumers.get('INGESTION', name)).next();
  expect(taken?.seq).toBe(seq);
  const bucket = await new Kvm(world.messaging.js).create('leases', { history: 1 });
  await bucket.put(name, JSON.stringify({ holder: 'dead', from: seq, deaths: 24 }));
  const seen: string[] = [];
  await processOf(name, async (messages) => void seen.push(...messages.map(textOf)));
  await eventually(async () => (await world.dead.list({ consumer: name })).items.length === 1, { timeoutMs: 10_000 });
  expect(seen).toEqual([]);
});

it('a lease is held by one at a time, and what its holder leaves is there for the next', async () => {
  const name = uniqueName();
  const [a, b] = [await connected(), await connected()];
  const gained: string[] = [];
  const leaseOf = (who: string, { messaging }: { messaging: Messaging }) =>
    new Lease(
      messaging,
      name,
      ({ from }, died) => gained.push(`${who} from ${from}${died ? ' after a death' : ''}`),
      () => gained.push(`${who} lost it`),
    );
  const first = leaseOf('a', a);
  await eventually(() => first.isHeld);
  const second = leaseOf('b', b);
  await first.leave({ from: 7, deaths: 0 });
  await first.stop();
  await eventually(() => second.isHeld);
  expect([first.isHeld, gained]).toEqual([false, ['a from 0', 'b from 7']]);
  await second.stop();
});
