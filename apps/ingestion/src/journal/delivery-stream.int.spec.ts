import { connect, type NatsConnection } from '@nats-io/transport-node';
import { Messaging } from '@strowger/messaging';
import { eventually, startNats, type ServerProcess } from '@strowger/testing';
import { DeliveryStream, failureIn } from './delivery-stream.js';

const reply = (text: string) => ({ data: Buffer.from(text), string: () => text });
const entry = (seq: number) => ({ seq, key: `id-${seq}`, payload: Buffer.from(`{"n":${seq}}`) });

describe('what a reply means', () => {
  it('is an ack only when it names the stream that stored', () => {
    expect(failureIn(reply('{"stream":"INGESTION","seq":1}'))).toBeUndefined();
    expect(failureIn(reply('{"stream":"INGESTION","seq":1,"duplicate":true}'))).toBeUndefined();
  });
  it.each([
    ['nothing (503: no responders)', '', 'stream-unavailable'],
    ['no stream', '{"seq":1}', 'stream-unavailable'],
    ['an empty stream', '{"stream":"","seq":1}', 'stream-unavailable'],
    ['no JSON', 'hello', 'stream-unavailable'],
    [
      'an error 503',
      '{"error":{"code":503,"description":"insufficient resources"},"stream":"X","seq":0}',
      'stream-unavailable',
    ],
    [
      'an error 400',
      '{"error":{"code":400,"description":"message size exceeds maximum allowed"},"stream":"X","seq":0}',
      'publish-refused',
    ],
  ])('is a failure when it holds %s', (_what, text, code) => {
    expect(failureIn(reply(text))).toMatchObject({ code });
  });
});

describe('the stream of deliveries', () => {
  let nats: ServerProcess;
  let messaging: Messaging;
  let stream: DeliveryStream;
  let acked: number[];
  let failed: [number, string, unknown][];
  let other: NatsConnection;
  beforeEach(async () => {
    nats = await startNats();
    messaging = await Messaging.connect({ natsUrl: nats.url, name: 'spec' });
    stream = new DeliveryStream(messaging, 600);
    acked = [];
    failed = [];
    stream.reportTo({
      acked: ({ first, last }) => acked.push(...Array.from({ length: last - first + 1 }, (_, i) => first + i)),
      failed: ({ first }, error) => failed.push([first, error.code, error.outcome]),
    });
    other = await connect({ servers: nats.url });
    await eventually(() => stream.connected);
  });
  afterEach(async () => {
    stream.close();
    await other.close();
    await messaging.close();
    await nats.stop();
  });

  it('acks what the stream has stored, once per id', async () => {
    for (const seq of [1, 2, 3, 1]) stream.send([entry(seq)]);
    await eventually(() => acked.length === 4);
    expect((await messaging.jsm.streams.info('INGESTION')).state.messages).toBe(3);
    expect(failed).toEqual([]);
  });

  it('sends several as one message, which is stored once when it is repeated', async () => {
    for (const seqs of [[1, 2, 3], [4], [1, 2, 3], [1, 2]]) stream.send(seqs.map(entry));
    await eventually(() => acked.length === 9);
    expect(acked).toEqual([1, 2, 3, 4, 1, 2, 3, 1, 2]);
    const { messages } = (await messaging.jsm.streams.info('INGESTION')).state;
    const stored = await Promise.all(
      Array.from({ length: messages }, (_, i) => messaging.jsm.streams.getMessage('INGESTION', { seq: i + 1 })),
    );
    expect(stored.map((message) => message!.json())).toEqual([
      [{ n: 1 }, { n: 2 }, { n: 3 }],
      { n: 4 },
      [{ n: 1 }, { n: 2 }],
    ]);
  });

  it('fails when there is no stream: the server’s empty reply is not an ack', async () => {
    await messaging.jsm.streams.delete('INGESTION');
    stream.send([entry(1)]);
    await eventually(() => failed.length === 1);
    expect(failed).toEqual([[1, 'stream-unavailable', undefined]]);
    expect(acked).toEqual([]);
  });

  it('fails what is not acked in time, outcome unknown', async () => {
    await messaging.jsm.streams.delete('INGESTION');
    other.subscribe('ingestion.>', { callback: () => undefined });
    await other.flush();
    stream.send([entry(1)]);
    await eventually(() => failed.length === 1);
    expect(failed).toEqual([[1, 'stream-unavailable', 'unknown']]);
  });

  it('fails one delivery that is larger than the server takes, and goes on', async () => {
    stream.send([{ ...entry(1), payload: Buffer.alloc(9 * 1024 * 1024) }]);
    stream.send([entry(2)]);
    await eventually(() => acked.length === 1);
    expect(failed).toEqual([[1, 'publish-refused', undefined]]);
  });

  it('fails everything pending when it is closed', async () => {
    await messaging.jsm.streams.delete('INGESTION');
    other.subscribe('ingestion.>', { callback: () => undefined });
    await other.flush();
    stream.send([entry(1)]);
    stream.send([entry(2)]);
    stream.close();
    expect(failed.map(([seq]) => seq)).toEqual([1, 2]);
    stream.send([entry(3)]);
    expect(failed[2]).toEqual([3, 'stream-unavailable', undefined]);
  });

  it('fails everything pending when the connection goes, at once', async () => {
    await messaging.jsm.streams.delete('INGESTION');
    other.subscribe('ingestion.>', { callback: () => undefined });
    await other.flush();
    stream.send([entry(1)]);
    await nats.kill9();
    await eventually(() => failed.length === 1);
    expect(failed).toEqual([[1, 'stream-unavailable', 'unknown']]);
    expect(stream.connected).toBe(false);
  });
});
