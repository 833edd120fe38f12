import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { newId } from '@strowger/kernel';
import { eventually } from '@strowger/testing';
import { WebSocket } from 'ws';
import { Behind, startWorld, type World } from '../gateway.fixtures.js';

let world: World;
beforeAll(
  async () =>
    (world = await startWorld({
      TRUSTED_PROXIES: '127.0.0.1',
      SENDS_PER_SECOND_OF_USER: '1',
      SENDS_PER_SECOND_OF_PROVIDER: '2',
      SENDS_PER_SECOND_FROM_ADDRESS: '3',
      SOCKETS_OF_USER: '2',
      SOCKETS_OF_PROVIDER: '3',
      SOCKETS_FROM_ADDRESS: '4',
      WRONG_CREDENTIALS_PER_MINUTE: '1',
    })),
);
afterAll(() => world.close());
beforeEach(() => (Behind.asked = []));

let addresses = 0;
const anAddress = (): string => `198.51.100.${++addresses}`;
const someone = async (systemProviderId = newId()) => ({
  systemProviderId,
  token: (await world.tokens.forClient({ id: newId(), systemProviderId, name: 'Chris' })).clientToken,
});

describe('texts', () => {
  const text = { to: '+12015550199', text: 'Hello' };
  const send = async (token: string, address: string, count: number) => {
    const headers = { 'x-forwarded-for': address };
    const answers = await Promise.all(
      Array.from({ length: count }, () => world.request('POST', '/v1/client/messages', token, text, headers)),
    );
    return {
      sent: answers.filter(({ status }) => status === 202).length,
      refused: answers.filter(({ status }) => status === 429),
    };
  };

  it('of one user are limited, with the time to wait, and nothing of them is sent', async () => {
    const { token } = await someone();
    const { sent, refused } = await send(token, anAddress(), 50);
    expect(sent).toBeGreaterThanOrEqual(10);
    expect(refused.length).toBeGreaterThan(20);
    expect([sent + refused.length, Behind.asked.length]).toEqual([50, sent]);
    expect(Number(refused[0]!.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused[0]!.json()).toMatchObject({ code: 'RATE_LIMITED' });
  });

  it('of one system provider are limited over its users, and others go on', async () => {
    const [first, other] = [await someone(), await someone()];
    const provider = [first, await someone(first.systemProviderId), await someone(first.systemProviderId)];
    const sent = [];
    for (const { token } of provider) sent.push((await send(token, anAddress(), 10)).sent);
    expect(sent.slice(0, 2)).toEqual([10, 10]);
    expect(sent[2]).toBeLessThan(10);
    expect((await send(other.token, anAddress(), 1)).sent).toBe(1);
  });

  it('from one address are limited over all system providers', async () => {
    const address = anAddress();
    const sent = [];
    for (let i = 0; i < 4; i++) sent.push((await send((await someone()).token, address, 10)).sent);
    expect(sent.slice(0, 3)).toEqual([10, 10, 10]);
    expect(sent[3]).toBeLessThan(10);
  });

  it('of a batch count each', async () => {
    const { token } = await someone();
    const headers = { 'x-forwarded-for': anAddress() };
    const items = Array.from({ length: 12 }, () => text);
    const batch = () => world.request('POST', '/v1/client/messages:batch', token, { items }, headers);
    expect([(await batch()).status, (await batch()).status]).toEqual([200, 429]);
  });
});

describe('sockets', () => {
  const open = async (token: string, address: string): Promise<WebSocket | string> => {
    const socket = new WebSocket(`${world.url.replace('http', 'ws')}/v1/client/ws`, ['strowger.v1'], {
      headers: { authorization: `Bearer ${token}`, 'x-forwarded-for': address },
    });
    const opened = once(socket, 'open').then(() => socket);
    const [error] = await Promise.race([once(socket, 'error') as Promise<[Error]>, opened.then(() => [undefined])]);
    return error?.message ?? socket;
  };
  const REFUSED = 'Unexpected server response: 429';
  /** How many of the sockets were opened, before all of them are closed. */
  const openAll = async (of: readonly (readonly [token: string, address: string])[]) => {
    const sockets = [];
    for (const [token, address] of of) sockets.push(await open(token, address));
    const opened = sockets.filter((socket) => typeof socket !== 'string');
    expect(sockets.filter((socket) => socket === REFUSED)).toHaveLength(of.length - opened.length);
    for (const socket of opened) socket.terminate();
    return opened.length;
  };

  it('of one user are limited, and count no longer once they have closed', async () => {
    const { token } = await someone();
    const address = anAddress();
    expect(await openAll([1, 2, 3, 4].map(() => [token, address]))).toBe(2);
    await eventually(async () => (await openAll([[token, address]])) === 1);
  });

  it('of one system provider and from one address are limited', async () => {
    const { token, systemProviderId } = await someone();
    const users = await Promise.all([1, 2, 3].map(async () => (await someone(systemProviderId)).token));
    expect(await openAll([token, ...users].map((each) => [each, anAddress()]))).toBe(3);
    const [address, strangers] = [anAddress(), await Promise.all([1, 2, 3, 4, 5].map(() => someone()))];
    expect(await openAll(strangers.map((stranger) => [stranger.token, address]))).toBe(4);
  });
});

describe('guesses', () => {
  const me = async (token: string, address: string) =>
    (await world.request('GET', '/v1/me', token, undefined, { 'x-forwarded-for': address })).status;
  const aKey = () => `stk_${randomBytes(6).toString('hex')}_${randomBytes(32).toString('base64url')}`;

  it.each<[string, () => string]>([
    ['API keys', aKey],
    ['tokens', () => `${world.adminToken.slice(0, -8)}${randomBytes(6).toString('base64url')}`],
    ['keys that are none', () => `stk_${randomBytes(3).toString('hex')}`],
  ])('at %s from one address are limited, and right ones are taken meanwhile', async (_, guess) => {
    const address = anAddress();
    const secret = randomBytes(32).toString('base64url');
    const scope = { level: 'system-provider' as const, id: newId(), systemProviderId: newId() };
    Behind.keys.set(createHash('sha256').update(secret).digest('hex'), {
      id: newId(),
      name: 'CRM',
      scope,
      permissions: ['read'],
    });
    const right = `stk_${'0'.repeat(12)}_${secret}`;
    expect(await me(right, address)).toBe(200);
    const statuses = [];
    for (let i = 0; i < 15; i++) statuses.push(await me(guess(), address));
    expect(statuses).toEqual([...Array<number>(10).fill(401), ...Array<number>(5).fill(429)]);
    expect([await me(right, address), await me(world.adminToken, address)]).toEqual([200, 200]);
    expect(await me(guess(), anAddress())).toBe(401);
  });
});
