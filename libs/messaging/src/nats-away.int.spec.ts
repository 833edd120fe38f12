import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, startNats, type ServerProcess } from '@strowger/testing';
import {
  Consumer,
  Consumers,
  Handles,
  kvBucket,
  Messaging,
  Publisher,
  type InboxTransaction,
  type KvMirror,
  type Received,
} from './index.js';
import { eventOf, UserRenamedV1 } from './messaging.fixtures.js';

let nats: ServerProcess;
let messaging: Messaging;
let consumers: Consumers | undefined;
let mirror: KvMirror<string> | undefined;

beforeEach(async () => {
  nats = await startNats();
});
afterEach(async () => {
  await mirror?.stop();
  await consumers?.stop(1000);
  consumers = mirror = undefined;
  await messaging.close();
  await nats.stop();
});

@Consumer('test-away', { ackWaitSeconds: 1 })
class Renames {
  readonly seen: string[] = [];
  @Handles(UserRenamedV1)
  async on({ data }: Received<UserRenamedV1>): Promise<void> {
    this.seen.push(data.name);
  }
}

/** A killed server may forget acks, so it delivers again. */
class MemoryInbox implements InboxTransaction {
  private readonly known = new Set<string>();
  async run(_consumer: string, { id }: { id: string }, handle: () => Promise<void>): Promise<'handled' | 'duplicate'> {
    if (this.known.has(id)) return 'duplicate';
    await handle();
    this.known.add(id);
    return 'handled';
  }
}

const rename = (name: string) => eventOf(UserRenamedV1, { name });
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

it('starts while NATS is away, refuses publishes at once, and works when it comes', async () => {
  await nats.stop();
  messaging = Messaging.open({ natsUrl: nats.url, name: 'test' });
  const publisher = new Publisher(messaging);
  const renames = new Renames();
  consumers = new Consumers(messaging, publisher);
  consumers.start([renames]);
  await expect(publisher.publish(rename('early'))).rejects.toMatchObject({ code: 'stream-unavailable' });
  await expect(messaging.check()).rejects.toMatchObject({ kind: 'unavailable' });
  await nats.start();
  await consumers.started();
  await publisher.publish(rename('late'));
  await messaging.idle();
  expect(renames.seen).toEqual(['late']);
});

it.each(['restarted', 'killed', 'restarted without its data'])(
  'goes on after NATS was %s',
  async (how) => {
    messaging = await Messaging.connect({ natsUrl: nats.url, name: 'test' });
    const publisher = new Publisher(messaging);
    const renames = new Renames();
    consumers = new Consumers(messaging, publisher, new MemoryInbox());
    consumers.start([renames]);
    await consumers.started();
    await publisher.publish(rename('before'));
    await messaging.idle();
    await (how === 'killed' ? nats.kill9() : nats.stop());
    await eventually(() => !messaging.connected);
    await expect(publisher.publish(rename('during'))).rejects.toMatchObject({ code: 'stream-unavailable' });
    if (how.endsWith('data')) nats.wipe();
    await nats.start();
    await eventually(() => publisher.publish(rename('after')), { timeoutMs: 10_000 });
    await eventually(() => renames.seen.includes('after'), { timeoutMs: 15_000 });
    await messaging.idle();
    expect(renames.seen).toEqual(['before', 'after']);
  },
  40_000,
);

it('a mirror serves the last map while NATS is away, and the new state afterwards', async () => {
  messaging = await Messaging.connect({ natsUrl: nats.url, name: 'test' });
  const bucket = kvBucket(messaging, 'test-bucket');
  await bucket.put('a', '1');
  await bucket.put('b', '2');
  mirror = bucket.mirror(text);
  await mirror.ready();
  expect([...mirror.entries()].sort()).toEqual([
    ['a', '1'],
    ['b', '2'],
  ]);
  await bucket.put('a', '3');
  await eventually(() => mirror!.get('a') === '3');
  await nats.stop();
  await eventually(() => !messaging.connected);
  expect(mirror.get('b')).toBe('2');
  await expect(bucket.get('a')).rejects.toMatchObject({ code: 'stream-unavailable' });
  await nats.start();
  await eventually(() => bucket.delete('b').then(() => true), { timeoutMs: 10_000 });
  await eventually(() => mirror!.get('b') === undefined, { timeoutMs: 10_000 });
  await bucket.put('c', '4');
  await eventually(() => mirror!.get('c') === '4', { timeoutMs: 10_000 });
  expect(mirror.get('a')).toBe('3');
}, 40_000);

it('a mirror follows the bucket that is made again after NATS lost its data', async () => {
  messaging = await Messaging.connect({ natsUrl: nats.url, name: 'test' });
  const bucket = kvBucket(messaging, 'test-bucket');
  await bucket.put('a', '1');
  mirror = bucket.mirror(text);
  await mirror.ready();
  await nats.stop();
  nats.wipe();
  await nats.start();
  await eventually(() => bucket.put('b', '2'), { timeoutMs: 10_000 });
  await eventually(() => mirror!.get('b') === '2' && mirror!.get('a') === undefined, { timeoutMs: 10_000 });
}, 40_000);

it('a mirror has the last map from its snapshot when it starts while NATS is away', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kv-'));
  const snapshotFile = join(folder, 'bucket.json');
  messaging = await Messaging.connect({ natsUrl: nats.url, name: 'test' });
  const first = kvBucket(messaging, 'test-bucket');
  await first.put('a', '1');
  const before = first.mirror(text, { snapshotFile });
  await before.ready();
  await before.stop();
  await messaging.close();
  await nats.stop();
  messaging = Messaging.open({ natsUrl: nats.url, name: 'test' });
  mirror = kvBucket(messaging, 'test-bucket').mirror(text, { snapshotFile });
  expect(mirror.get('a')).toBe('1');
  await nats.start();
  await mirror.ready();
  expect(mirror.get('a')).toBe('1');
  await mirror.stop(); // it writes its snapshot there
  await rm(folder, { recursive: true });
}, 40_000);

it('a bucket answers a lost race otherwise than a failure', async () => {
  messaging = await Messaging.connect({ natsUrl: nats.url, name: 'test' });
  const bucket = kvBucket(messaging, 'test-races', { ttlSeconds: 60 });
  const revision = await bucket.create('k', 'one');
  expect(revision).toBeGreaterThan(0);
  expect(await bucket.create('k', 'two')).toBeUndefined();
  expect(await bucket.update('k', 'three', revision! + 7)).toBeUndefined();
  expect(await bucket.update('k', 'three', revision!)).toBeGreaterThan(revision!);
  expect(text((await bucket.get('k'))!.value)).toBe('three');
  await bucket.delete('k');
  expect(await bucket.get('k')).toBeUndefined();
  expect(await bucket.create('k', 'four')).toBeGreaterThan(0);
});

it('a mirror of a bucket whose keys go with time does not keep them for ever', async () => {
  messaging = await Messaging.connect({ natsUrl: nats.url, name: 'spec' });
  const bucket = kvBucket(messaging, 'short', { ttlSeconds: 1 });
  await bucket.put('old', '1');
  mirror = bucket.mirror(text);
  await mirror.ready();
  expect([...mirror.entries()]).toEqual([['old', '1']]);
  await eventually(async () => (await bucket.get('old')) === undefined, { timeoutMs: 10_000 });
  await bucket.put('new', '2');
  await eventually(() => mirror!.get('new') === '2');
  expect([...mirror.entries()]).toEqual([['new', '2']]);
});
