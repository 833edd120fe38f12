import { type CarrierExchange, CarrierHttp } from '../http.js';
import { type Reply, scriptedCarrier, type SeenRequest } from '../scripted-carrier.fixtures.js';
import { errorOf } from '../testing/kit.js';
import { messageExchange } from './index.js';
import type { MessageExchangePort, MessageExchangeProfile } from './port.js';

const TOKEN = 'exchange-token-0123456789';
const NUMBER = '+12012010580';
const http = new CarrierHttp({ connectMs: 500, readMs: 300, retryMs: 1 });
let carrier: Awaited<ReturnType<typeof scriptedCarrier>>;
let script: (request: SeenRequest) => Reply;
let exchanges: CarrierExchange[];

beforeAll(async () => {
  carrier = await scriptedCarrier((request) => script(request));
});
afterAll(async () => {
  await http.close();
  await carrier.close();
});
beforeEach(() => {
  carrier.seen.length = 0;
  exchanges = [];
});

const exchangeOf = (profile: MessageExchangeProfile, baseUrl = carrier.origin): MessageExchangePort =>
  messageExchange({ profile, baseUrl, token: TOKEN, onExchange: (exchange) => exchanges.push(exchange) }, http);
const json =
  (body: unknown, status = 200): (() => Reply) =>
  () => ({ status, json: body });

describe('canonical profile (carrier-message-exchange §5)', () => {
  const exchange = () => exchangeOf('canonical');

  it('looks a number up by its eleven digits with a bearer token', async () => {
    script = json({
      number: '12012010580',
      status: 'pending',
      jobId: '8471',
      failureReason: null,
      updatedAt: '2024-03-05T10:20:03Z',
    });
    expect(await exchange().lookup(NUMBER)).toEqual({
      number: NUMBER,
      state: 'pending',
      jobId: '8471',
      reason: null,
      updatedAt: '2024-03-05T10:20:03Z',
    });
    expect(carrier.seen[0]).toMatchObject({ path: '/v1/numbers/12012010580' });
    expect(carrier.seen[0]?.headers.authorization).toBe(`Bearer ${TOKEN}`);
  });

  it('answers null for a number it does not know', async () => {
    script = json({}, 404);
    expect(await exchange().lookup(NUMBER)).toBeNull();
  });

  it('takes an unknown status for pending, with a warning', async () => {
    script = json({ status: 'provisioning' });
    expect(await exchange().lookup(NUMBER)).toMatchObject({
      state: 'pending',
      warning: expect.stringContaining('provisioning'),
    });
  });

  it('adds one number a call and gives the job', async () => {
    script = json({ jobId: 8471, accepted: ['12012010580'], rejected: [] }, 202);
    expect(await exchange().add(NUMBER)).toEqual({ jobId: '8471', state: 'pending' });
    expect(JSON.parse(carrier.seen[0]!.body)).toEqual({ numbers: ['12012010580'], enableSms: true });
  });

  it.each<[string, unknown, number]>([
    ['an error', { error: { code: 'INVALID_NUMBERS', message: 'Invalid numbers', numbers: ['x'] } }, 422],
    ['a row of a success', { jobId: '1', rejected: [{ number: '12012010580', reason: 'Invalid numbers' }] }, 202],
  ])('gives a refusal verbatim when it comes as %s', async (_name, body, status) => {
    script = json(body, status);
    expect(await errorOf(exchange().add(NUMBER))).toMatchObject({
      code: 'exchange-rejected',
      details: { reason: 'Invalid numbers' },
    });
  });

  it.each<[number, string, string, object]>([
    [400, 'conflict', 'exchange-rejected', {}],
    [401, 'invalid', 'exchange-unauthorized', {}],
    [403, 'conflict', 'exchange-rejected', {}],
    [409, 'conflict', 'exchange-already-exists', {}],
    [429, 'rate-limited', 'exchange-rate-limited', { retryAfterSeconds: 5 }],
    [503, 'unavailable', 'exchange-unavailable', { outcome: undefined }],
    [302, 'unavailable', 'exchange-unavailable', { outcome: undefined }],
  ])('on %s to an add throws %s %s, and asks once', async (status, kind, code, more) => {
    script = () => ({ status, headers: { 'retry-after': '5', location: `${carrier.origin}/elsewhere` } });
    expect(await errorOf(exchange().add(NUMBER))).toMatchObject({ kind, code, ...more });
    expect(carrier.seen).toHaveLength(1);
  });

  it.each<Reply>(['silence', 'reset', { text: '<html>' }])('calls an add that got %j ambiguous', async (reply) => {
    script = () => reply;
    expect(await errorOf(exchange().add(NUMBER))).toMatchObject({ code: 'exchange-ambiguous', outcome: 'unknown' });
    expect(carrier.seen).toHaveLength(1);
  });

  it('calls an add that never left us unavailable, not ambiguous', async () => {
    const error = await errorOf(exchangeOf('canonical', 'http://127.0.0.1:1').add(NUMBER));
    expect(error).toMatchObject({ code: 'exchange-unavailable', outcome: undefined });
  });

  it('repeats a read twice', async () => {
    script = () => (carrier.seen.length < 3 ? { status: 503 } : { json: { status: 'enabled' } });
    expect(await exchange().lookup(NUMBER)).toMatchObject({ state: 'enabled' });
  });

  it("lets the number's status win over its job's", async () => {
    script = json({
      jobId: '1',
      status: 'completed',
      numbers: [{ number: '12012010580', status: 'failed', failureReason: 'Wireless' }],
    });
    expect(await exchange().job('1', NUMBER)).toMatchObject({ state: 'failed', reason: 'Wireless' });
  });

  it('settles an expired job by looking the number up', async () => {
    script = ({ path }) => (path.includes('/jobs/') ? { status: 404 } : { json: { status: 'enabled' } });
    expect(await exchange().job('1', NUMBER)).toMatchObject({ state: 'enabled' });
    script = () => ({ status: 404 });
    expect(await exchange().job('1', NUMBER)).toMatchObject({ state: 'failed', reason: 'Job not found' });
  });

  it('removes, also what is gone, but not what is pending', async () => {
    script = () => ({ status: 404 });
    await exchange().remove(NUMBER);
    script = json({ error: { code: 'PENDING', message: 'Pending' } }, 409);
    expect(await errorOf(exchange().remove(NUMBER))).toMatchObject({ code: 'exchange-already-exists' });
  });
});

describe('TeleAPI profile (carrier-message-exchange §3.1, §6)', () => {
  const exchange = () => exchangeOf('teleapi');

  it.each<[string, unknown, object]>([
    ['as documented', { success: ['2012010580'], fail: {}, jobid: 123 }, { jobId: '123', state: 'pending' }],
    [
      'as seen in the wild',
      { code: 200, status: 'success', data: { jobid: '123' } },
      { jobId: '123', state: 'pending' },
    ],
    [
      'with another number failed',
      { success: [], fail: { '5555550000': 'no' }, jobid: 9 },
      { jobId: '9', state: 'pending' },
    ],
  ])('submits ten digits and reads the job %s', async (_name, body, expected) => {
    script = json(body);
    expect(await exchange().add(NUMBER)).toEqual(expected);
    expect(Object.fromEntries(carrier.seen[0]!.query)).toEqual({
      token: TOKEN,
      numbers: '["2012010580"]',
      enable_sms: 'yes',
    });
  });

  it.each<[string, unknown, string, string]>([
    [
      'a failed number in a success',
      { success: [], fail: { '2012010580': 'Invalid USA/CAN number' }, jobid: 1 },
      'exchange-rejected',
      'Invalid USA/CAN number',
    ],
    [
      'a duplicate',
      { success: [], fail: { '2012010580': 'Number already loaded' } },
      'exchange-already-exists',
      'Number already loaded',
    ],
    ['an error', { code: 400, status: 'error', error: 'No campaign' }, 'exchange-rejected', 'No campaign'],
    ['an error in data', { code: 500, status: 'error', data: 'Broken' }, 'exchange-rejected', 'Broken'],
  ])('finds %s inside a 200', async (_name, body, code, reason) => {
    script = json(body);
    expect(await errorOf(exchange().add(NUMBER))).toMatchObject({ code, details: { reason } });
  });

  it('reports a bad token although the status is 200', async () => {
    script = json({ code: 401, status: 'error', error: 'Invalid token' });
    expect(await errorOf(exchange().lookup(NUMBER))).toMatchObject({ code: 'exchange-unauthorized' });
  });

  it.each<[string, unknown, string | null, string | null]>([
    ['enabled', { sms_enabled: '1' }, null, 'enabled'],
    ['not yet enabled', { sms_enabled: '0' }, '7', 'pending'],
    ['silent, with a job', {}, '7', 'pending'],
  ])('looks up a number that is %s', async (_name, data, jobId, state) => {
    script = json({ code: 200, status: 'success', data });
    expect(await exchange().lookup(NUMBER, { jobId })).toMatchObject({ state });
  });

  it('asks the list when a record is silent and no job is held', async () => {
    script = ({ path }) =>
      path.endsWith('/list')
        ? { json: { code: 200, data: [{ number: '2012010580', sms_enabled: 'yes' }] } }
        : { json: { code: 200, data: { number: '2012010580' } } };
    expect(await exchange().lookup(NUMBER)).toMatchObject({ state: 'enabled' });
  });

  it('answers null for a number it does not know', async () => {
    script = json({ code: 404, status: 'error', error: 'Not found' });
    expect(await exchange().lookup(NUMBER)).toBeNull();
  });

  it('does not believe a success the record denies', async () => {
    script = ({ path }) => ({
      json: { code: 200, status: 'success', data: path.includes('dids/get') ? { sms_enabled: '0' } : 'done' },
    });
    expect(await exchange().job('7', NUMBER)).toMatchObject({ state: 'pending' });
    script = json({ code: 500, status: 'error', error: 'Carrier rejected' });
    expect(await exchange().job('7', NUMBER)).toMatchObject({ state: 'failed', reason: 'Carrier rejected' });
  });

  it('never repeats, not even a look', async () => {
    script = () => ({ status: 503 });
    await errorOf(exchange().lookup(NUMBER));
    await errorOf(exchange().add(NUMBER));
    expect(carrier.seen).toHaveLength(2);
  });

  it('shows the token nowhere', async () => {
    for (const reply of [
      { text: `no ${TOKEN}` },
      { status: 503 },
      'reset',
      { json: { error: TOKEN, code: 400 } },
    ] as Reply[]) {
      script = () => reply;
      const error = await errorOf(exchange().add(NUMBER));
      const cause = error.cause instanceof Error ? `${error.cause.message}${error.cause.stack}` : '';
      expect(JSON.stringify(error) + error.stack + cause).not.toContain(TOKEN);
    }
    expect(exchanges.length).toBeGreaterThan(0);
    expect(JSON.stringify(exchanges)).not.toContain(TOKEN);
  });
});
