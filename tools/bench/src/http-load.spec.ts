import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HttpLoad, type LoadOptions } from './http-load.js';
import { carrierMessageId, requestsOf } from './requests.js';

const hooks = requestsOf({
  kind: 'hook',
  path: '/hooks/restcomm/token',
  account: 'AC0123456789abcdef0123456789abcdef',
  run: '0123456789',
  numbers: ['4157201000', '4157201001'],
  remotes: ['3126452000', '3126452001', '3126452002'],
});

describe('the load generator', () => {
  let server: Server;
  let received: URLSearchParams[];
  let answer: (nth: number) => { status: number; body: string } | 'cut';

  beforeEach(async () => {
    received = [];
    answer = () => ({ status: 200, body: '<Response/>' });
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')));
      request.on('end', () => {
        received.push(new URLSearchParams(body));
        const what = answer(received.length);
        if (what === 'cut') request.socket.destroy();
        else response.writeHead(what.status, { 'content-length': what.body.length }).end(what.body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const load = (more: Partial<LoadOptions>): HttpLoad =>
    new HttpLoad({
      port: (server.address() as AddressInfo).port,
      request: hooks,
      firstSequence: 0,
      connections: 8,
      ...more,
    });

  it('sends each message once, round the owners and their remote parties', async () => {
    const result = await load({ count: 120 }).run();
    expect(result).toMatchObject({ sent: 120, accepted: 120, refused: 0, broken: 0 });
    const ids = Array.from({ length: 120 }, (_, i) => carrierMessageId('0123456789', i));
    expect(received.map((form) => form.get('SmsSid')).sort()).toEqual(ids);
    expect(new Set(received.map((form) => `${form.get('To')} ${form.get('From')}`)).size).toBe(6);
  });

  it('understands answers of changing length', async () => {
    answer = (nth) => ({ status: 200, body: 'x'.repeat(nth % 7) });
    expect(await load({ count: 50 }).run()).toMatchObject({ accepted: 50 });
  });

  it('counts refusals and lost answers instead of hiding them', async () => {
    answer = (nth) =>
      nth % 10 === 0 ? { status: 503, body: 'away' } : nth % 25 === 0 ? 'cut' : { status: 200, body: '' };
    const result = await load({ count: 100 }).run();
    expect(result).toMatchObject({ sent: 100, accepted: 88, refused: 10, broken: 2 });
    expect(result.refusal).toContain('503');
  });

  it('keeps to the rate of an open loop', async () => {
    const { sent } = await load({ ratePerSecond: 500, durationMs: 400 }).run();
    expect(sent).toBeGreaterThan(150);
    expect(sent).toBeLessThanOrEqual(205);
  });

  it('holds a closed loop back until there is room', async () => {
    let room = 5;
    const running = load({ count: 20, maySend: () => room-- > 0 });
    const done = running.run();
    while (received.length < 5) await new Promise((resolve) => setImmediate(resolve));
    expect(received).toHaveLength(5);
    room = 100;
    running.resume();
    expect(await done).toMatchObject({ accepted: 20 });
  });
});
