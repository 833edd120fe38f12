import type { ClientFrame } from '@strowger/contracts-routing';
import { eventually } from '@strowger/testing';
import { WebSocket } from 'ws';
import { Behind, messageAt, startWorld, type World } from '../gateway.fixtures.js';

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
  ['an unknown frame', '{"type":"dance"}'],
  ['a negative cursor', '{"type":"hello","cursor":-1}'],
])('says what is wrong with %s and closes', async (_, frame) => {
  const client = await connect();
  client.socket.send(frame);
  expect(await client.closed).toBe(4002);
  expect(client.frames.at(-1)).toMatchObject({ type: 'error' });
});
