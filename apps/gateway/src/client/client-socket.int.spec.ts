import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { loadConfig } from '@strowger/config';
import { pushSubject, type ClientFrame } from '@strowger/contracts-routing';
import { eventually } from '@strowger/testing';
import { WebSocket } from 'ws';
import { GatewayConfig } from '../config.js';
import { Behind, GATEWAY_ENV, messageAt, startWorld, type World } from '../gateway.fixtures.js';
import { startGateway } from '../gateway.js';

let world: World;
beforeAll(async () => (world = await startWorld({ FEED_CHECK_SECONDS: '1' })));
afterAll(() => world.close());
const sockets: WebSocket[] = [];
beforeEach(() => Object.assign(Behind, { feed: [], acked: 0 }));
afterEach(() => sockets.splice(0).forEach((s) => s.terminate()));

async function connect(hello?: object, options: { protocols?: string[]; headers?: Record<string, string> } = {}) {
  const { protocols = ['strowger.v1'], headers = { authorization: `Bearer ${world.clientToken}` } } = options;
  const socket = new WebSocket(`${world.url.replace('http', 'ws')}/v1/client/ws`, protocols, { headers });
  sockets.push(socket);
  const frames: ClientFrame[] = [];
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  socket.on('message', (data) => frames.push(JSON.parse(String(data)) as ClientFrame));
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  if (hello) {
    socket.send(JSON.stringify({ type: 'hello', ...hello }));
    await eventually(() => frames.some((f) => f.type === 'synced'));
  }
  const texts = () => frames.flatMap((f) => (f.type === 'message.created' ? [f.message.text] : []));
  return { socket, frames, texts, closed };
}

const put = (...texts: string[]) =>
  texts.map((text) => {
    const message = messageAt(Behind.feed.length + 1, text);
    Behind.feed.push(message);
    return message;
  });

it('sends what was missed, in order, then what comes live', async () => {
  put('one', 'two', 'three');
  const client = await connect({ cursor: 1 });
  expect(client.texts()).toEqual(['two', 'three']);
  world.push(put('four')[0]!);
  await eventually(() => client.texts().length === 3);
  expect(client.texts()).toEqual(['two', 'three', 'four']);
});

it('fills a gap when a push was lost, and shows nothing twice', async () => {
  const client = await connect({ cursor: 0 });
  const [, lost, last] = put('one', 'two', 'three');
  world.push(Behind.feed[0]!);
  world.push(last!);
  world.push(lost!);
  world.push(last!);
  await eventually(() => client.texts().length === 3);
  expect(client.texts()).toEqual(['one', 'two', 'three']);
});

it('finds a lost last push by comparing feeds', async () => {
  const client = await connect({ cursor: 0 });
  put('never pushed');
  await eventually(() => client.texts().length === 1);
});

it('sends a long absence in pages without a gap', async () => {
  const expected = Array.from({ length: 1201 }, (_, i) => `m${i}`);
  put(...expected);
  const client = await connect({ cursor: 0 });
  expect(client.texts()).toEqual(expected);
});

it('moves the mark of what was shown, never past what was sent', async () => {
  put('one', 'two');
  const client = await connect({ cursor: 0 });
  client.socket.send(JSON.stringify({ type: 'ack', cursor: 99 }));
  await eventually(() => Behind.acked === 2);
});

it('takes the token as a subprotocol too, and refuses connections without a good one', async () => {
  const client = await connect(
    { cursor: 0 },
    { protocols: ['strowger.v1', `bearer.${world.clientToken}`], headers: {} },
  );
  expect(client.socket.protocol).toBe('strowger.v1');
  await expect(connect(undefined, { headers: {} })).rejects.toThrow('401');
  await expect(connect(undefined, { headers: { authorization: `Bearer ${world.adminToken}` } })).rejects.toThrow('401');
});

it.each([
  ['not JSON', '{'],
  ['bytes that are no UTF-8', Buffer.from('{"type":"hello\xff"}', 'latin1')],
  ['null', 'null'],
  ['a number', '1'],
  ['a boolean', 'true'],
  ['a string', '"x"'],
  ['a list', '[{"type":"hello"}]'],
  ['nothing', ''],
  ['an empty object', '{}'],
  ['an unknown frame', '{"type":"dance"}'],
  ['a type that is none', '{"type":{"toString":null}}'],
  ['a member of Object.prototype', '{"type":"hello","constructor":"a"}'],
  ['a prototype', '{"type":"hello","__proto__":{"cursor":1}}'],
  ['an unknown field', '{"type":"pong","color":"red"}'],
  ['a negative cursor', '{"type":"hello","cursor":-1}'],
  ['a cursor in text', '{"type":"hello","cursor":"1"}'],
  ['a cursor that is null', '{"type":"hello","cursor":null}'],
  ['a cursor beyond all numbers', '{"type":"hello","cursor":1e300}'],
  ['an ack of nothing', '{"type":"ack"}'],
  ['nesting without end', '['.repeat(8_000) + ']'.repeat(8_000)],
])('says what is wrong with %s, closes, and goes on with the others', async (_, frame) => {
  const [client, other] = [await connect(), await connect({ cursor: 0 })];
  client.socket.send(frame);
  expect(await client.closed).toBe(4002);
  expect(client.frames.at(-1)).toMatchObject({ type: 'error', code: expect.stringMatching(/^frame-/) });
  world.push(put('still here')[0]!);
  await eventually(() => other.texts().length === 1);
});

it('closes one connection where our own side fails, and keeps the others', async () => {
  const [client, other] = [await connect({ cursor: 0 }), await connect({ cursor: 0 })];
  expect(client.texts()).toEqual([]);
  // What no service of ours sends: a push without a cursor.
  world.messaging.nc.publish(pushSubject(world.user.id), 'nonsense');
  world.push(put('one')[0]!);
  await eventually(() => other.texts().length === 1);
  expect(client.texts()).toEqual(['one']);
});

it('starts again from the cursor of each hello, also while it still answers an earlier one', async () => {
  put('one', 'two', 'three');
  const client = await connect();
  client.socket.send('{"type":"hello","cursor":2}');
  client.socket.send('{"type":"hello","cursor":0}');
  await eventually(() => client.frames.some((f) => f.type === 'synced'));
  const second = client.frames.findLastIndex((f) => f.type === 'hello');
  const after = client.frames.slice(second).flatMap((f) => (f.type === 'message.created' ? [f.message.text] : []));
  expect(client.frames[second]).toMatchObject({ cursor: 0 });
  expect(after).toEqual(['one', 'two', 'three']);
  client.socket.send('{"type":"hello","cursor":1}');
  await eventually(() => client.frames.filter((f) => f.type === 'synced').length === 2);
  expect(client.texts().slice(-2)).toEqual(['two', 'three']);
});

it('says that a cursor lies beyond the feed, sends nothing until the next hello, then everything', async () => {
  put('one', 'two');
  const client = await connect();
  client.socket.send('{"type":"hello","cursor":1002}');
  await eventually(() => client.frames.some((f) => f.type === 'cursor-ahead'));
  expect(client.frames.at(-1)).toEqual({ type: 'cursor-ahead', cursor: 2 });
  world.push(put('three')[0]!);
  client.socket.send('{"type":"hello","cursor":0}');
  await eventually(() => client.texts().length === 3);
  expect(client.texts()).toEqual(['one', 'two', 'three']);
});

it('finds out that a feed went back while its client was connected', async () => {
  put('one', 'two');
  const client = await connect({ cursor: 0 });
  Behind.feed = Behind.feed.slice(0, 1);
  await eventually(() => client.frames.some((f) => f.type === 'cursor-ahead'));
  expect(client.frames.at(-1)).toEqual({ type: 'cursor-ahead', cursor: 1 });
});

it('refuses with 503 while NATS accepts connections and says nothing', async () => {
  const asked = new Set<Socket>();
  const hung = createServer((socket) => asked.add(socket)).listen(0, '127.0.0.1');
  await once(hung, 'listening');
  const gateway = await startGateway(
    loadConfig(GatewayConfig, {
      ...GATEWAY_ENV,
      NATS_URL: `nats://127.0.0.1:${(hung.address() as AddressInfo).port}`,
    }),
  );
  try {
    const socket = new WebSocket(`${gateway.url!.replace('http', 'ws')}/v1/client/ws`, ['strowger.v1'], {
      headers: { authorization: `Bearer ${world.clientToken}` },
    });
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toContain('503');
    expect((await fetch(`${gateway.url}/docs`)).status).toBe(200);
  } finally {
    await gateway.close();
    asked.forEach((socket) => socket.destroy());
    hung.close();
  }
});
