import type { Reply } from '../scripted-carrier.fixtures.js';
import { errorOf } from '../testing/kit.js';
import { AC, NOW, NUMBER, ScriptedRestcomm, TOKEN } from './scripted-restcomm.fixtures.js';

const world = new ScriptedRestcomm();
const { port } = world;
beforeAll(() => world.start());
beforeEach(() => world.forget());
afterAll(() => world.stop());

describe('sending (§4)', () => {
  const request = { from: NUMBER, to: '+12015550123', body: 'hello' };
  const taken = (over: object = {}): Reply => ({ json: { sid: 'SM1', body: 'hello', status: 'sending', ...over } });

  it('posts the text with its encoding and the callback', async () => {
    world.script = () => taken();
    expect(
      await port.sendMessage(world.access, { ...request, statusCallbackUrl: 'https://hooks.example/r/tok' }),
    ).toEqual({
      carrierMessageId: 'SM1',
      body: 'hello',
      truncated: false,
      status: 'sending',
    });
    expect(world.seen[0]?.body).toContain('To=%2B12015550123');
    expect(Object.fromEntries(world.seen[0]!.form)).toMatchObject({
      From: '12012010580',
      Encoding: 'GSM',
      Body: 'hello',
    });
  });

  it('says UCS-2 when the text needs it', async () => {
    world.script = () => taken({ body: '你好' });
    await port.sendMessage(world.access, { ...request, body: '你好' });
    expect(world.seen[0]?.form.get('Encoding')).toBe('UCS-2');
    expect(world.seen[0]?.form.get('Body')).toBe('你好');
  });

  it('notices that the carrier cut the text', async () => {
    world.script = () => taken({ body: 'hel' });
    expect(await port.sendMessage(world.access, request)).toMatchObject({ truncated: true, body: 'hel' });
  });

  it('refuses more than one segment, unless the platform joins parts', async () => {
    world.script = () => taken();
    const long = { ...request, body: 'x'.repeat(161) };
    expect(await errorOf(port.sendMessage(world.access, long))).toMatchObject({ code: 'message-too-long' });
    await port.sendMessage({ ...world.access, longMessages: 'passthrough' }, long);
    const tooLong = port.sendMessage(
      { ...world.access, longMessages: 'passthrough' },
      { ...request, body: 'x'.repeat(1000) },
    );
    expect(await errorOf(tooLong)).toMatchObject({ code: 'message-too-long' });
    expect(world.seen).toHaveLength(1);
  });

  it.each<[string, Reply, object]>([
    [
      'limit',
      { status: 403, text: '{"message":"limit\n",\n"error":"SMS_LIMIT_EXCEEDED"}' },
      { kind: 'rate-limited', retryAfterSeconds: 60 },
    ],
    [
      'limit in broken JSON',
      { status: 403, text: '{"message":"the "limit"",\n"error":"SMS_LIMIT_EXCEEDED"}' },
      { kind: 'rate-limited', retryAfterSeconds: 60 },
    ],
    [
      'other veto',
      { status: 403, text: '{"message":"no","error":"OTHER"}' },
      { code: 'carrier-rejected', details: expect.objectContaining({ reason: 'no', carrierCode: 'OTHER' }) },
    ],
    [
      'sentence',
      { status: 400, text: 'From can not be null.' },
      { code: 'carrier-rejected', details: expect.objectContaining({ reason: 'From can not be null.' }) },
    ],
    [
      'page',
      { status: 400, text: '<html><head><title>t</title></head><body><h1>Bad</h1> one</body></html>' },
      { details: expect.objectContaining({ reason: 'Bad one' }) },
    ],
    ['timeout', 'silence', { kind: 'unavailable', outcome: 'unknown' }],
    ['server error', { status: 500 }, { kind: 'unavailable', outcome: 'unknown' }],
  ])('reads the error of a %s (§1.4, §8)', async (_name, reply, expected) => {
    world.script = () => reply;
    expect(await errorOf(port.sendMessage(world.access, request))).toMatchObject(expected);
    expect(world.seen).toHaveLength(1);
  });

  it('knows that a refused connection sent nothing', async () => {
    const error = await errorOf(port.sendMessage({ ...world.access, baseUrl: 'http://127.0.0.1:1/x' }, request));
    expect(error).toMatchObject({ kind: 'unavailable', code: 'platform-unavailable', outcome: undefined });
  });
});

const message = (over: object = {}) => ({
  sid: 'SM1',
  account_sid: AC,
  from: '12012010580',
  to: '12015550123',
  body: 'hello',
  status: 'sent',
  direction: 'outbound-api',
  date_created: 'Fri, 20 Nov 2026 05:00:01 -0500',
  ...over,
});

describe('looking for a message of unknown outcome (§8)', () => {
  const probe = { from: NUMBER, to: '+12015550123', body: 'hello', since: NOW };
  const listed = (...rows: unknown[]) => (world.script = () => ({ json: { messages: rows } }));

  it('finds it by numbers, text and time, whatever the zone', async () => {
    listed(message());
    expect(await port.findSentMessage(world.access, probe)).toMatchObject({
      carrierMessageId: 'SM1',
      truncated: false,
    });
    expect(Object.fromEntries(world.seen[0]!.query)).toMatchObject({
      From: '2012010580',
      To: '2015550123',
      StartTime: '2026-11-19',
    });
  });

  it.each<[string, object]>([
    ['another text', { body: 'hullo' }],
    ['an inbound message', { direction: 'inbound' }],
    ['one of before', { date_created: 'Fri, 20 Nov 2026 09:00:00 +0000' }],
    ['a longer number', { to: '912015550123' }],
  ])('does not take %s for it', async (_name, over) => {
    listed(message(over));
    expect(await port.findSentMessage(world.access, probe)).toBeNull();
  });

  it('leaves out ids that belong to other messages', async () => {
    listed(message(), message({ sid: 'SM0' }));
    expect(await port.findSentMessage(world.access, { ...probe, exclude: new Set(['SM0']) })).toMatchObject({
      carrierMessageId: 'SM1',
    });
  });

  it('knows a text cut at 159', async () => {
    const body = 'y'.repeat(200);
    listed(message({ body: body.slice(0, 159) }));
    expect(await port.findSentMessage(world.access, { ...probe, body })).toMatchObject({
      carrierMessageId: 'SM1',
      truncated: true,
    });
  });
});

describe('the recovery loop (§6.2)', () => {
  const inbound = (sid: string, over: object = {}) =>
    message({ sid, direction: 'inbound', status: 'received', ...over });

  it('gives what is unknown, pages until a whole page is known, and nothing twice', async () => {
    const first = Array.from({ length: 50 }, (_, i) => (i % 2 ? inbound(`SM${i}`) : message({ sid: `SM${i}` })));
    const second = [inbound('SM49'), ...Array.from({ length: 49 }, (_, i) => inbound(`SM${100 + i}`))];
    const third = Array.from({ length: 50 }, (_, i) => inbound(`known${i}`));
    world.script = ({ query }) => ({ json: { messages: [first, second, third, first][Number(query.get('Page'))] } });
    const ids: string[] = [];
    const known = (asked: readonly string[]) => new Set(asked.filter((id) => id.startsWith('known')));
    for await (const { carrierMessageId } of port.listInbound(world.access, { sinceDays: 1 }, known))
      ids.push(carrierMessageId);
    expect(ids).toHaveLength(25 + 49);
    expect(new Set(ids).size).toBe(ids.length);
    expect(world.seen).toHaveLength(3);
    expect(Object.fromEntries(world.seen[0]!.query)).toMatchObject({
      StartTime: '2026-11-19',
      EndTime: '2026-11-21',
      SortBy: 'DateCreated:desc',
    });
  });

  it('reads one message for its undamaged text', async () => {
    world.script = () => ({ json: inbound('SM7', { body: 'na\u0000ïve?' }) });
    expect(await port.readMessage(world.access, 'SM7')).toMatchObject({
      direction: 'inbound',
      text: 'naïve?',
      from: '+12012010580',
    });
    world.script = () => ({ status: 404 });
    expect(await port.readMessage(world.access, 'SM7')).toBeNull();
  });
});

describe('what the timeline shows', () => {
  it('holds every call, and neither credentials, text nor our URL', async () => {
    world.script = () => ({
      json: { sid: 'SM1', body: 'private words', status: 'sending', sms_url: 'https://hooks.example/hooks/tok-123' },
    });
    await port.sendMessage(world.access, {
      from: NUMBER,
      to: '+12015550123',
      body: 'private words',
      statusCallbackUrl: 'https://hooks.example/tok-123',
    });
    expect(world.exchanges).toMatchObject([{ method: 'POST', status: 200, ms: expect.any(Number) }]);
    expect(world.exchanges[0]?.path).toBe('/restcomm/2012-04-24/Accounts/AC.....ef/SMS/Messages.json');
    expect(world.exchanges[0]?.requestBody).toContain('To=%2B12015550123');
    const shown = JSON.stringify(world.exchanges);
    for (const secret of [TOKEN, AC, 'private', 'tok-123', Buffer.from(`${AC}:${TOKEN}`).toString('base64')])
      expect(shown).not.toContain(secret);
  });

  it('names what failed when no answer came', async () => {
    await errorOf(port.verify({ ...world.access, baseUrl: 'http://127.0.0.1:1' }));
    expect(world.exchanges).toHaveLength(3);
    expect(world.exchanges[0]).toMatchObject({ failure: 'ECONNREFUSED' });
  });

  it('cannot change what a call came to', async () => {
    world.script = () => ({ json: { sid: 'SM1', body: 'hi', status: 'sending' } });
    const onExchange = () => {
      throw new Error('disk full');
    };
    const sent = await port.sendMessage(
      { ...world.access, onExchange },
      { from: NUMBER, to: '+12015550123', body: 'hi' },
    );
    expect(sent.carrierMessageId).toBe('SM1');
  });

  it('puts no secret into an error', async () => {
    for (const reply of [{ status: 401 }, { status: 500, text: 'boom' }, 'silence'] as Reply[]) {
      world.script = () => reply;
      const error = await errorOf(
        port.sendMessage(world.access, { from: NUMBER, to: '+12015550123', body: 'private words' }),
      );
      expect(`${JSON.stringify(error)}${error.stack}${String((error.cause as Error)?.stack)}`).not.toMatch(
        /auth-token|private words/,
      );
    }
  });
});

it('takes our credentials out of a reason that quotes the request', async () => {
  const basic = Buffer.from(`${AC}:${TOKEN}`).toString('base64');
  world.script = () => ({ status: 400, text: `bad request: Basic ${basic} (${TOKEN})` });
  const error = await errorOf(world.port.sendMessage(world.access, { from: NUMBER, to: '+12015550199', body: 'x' }));
  expect(JSON.stringify({ ...error, message: error.message })).not.toMatch(new RegExp(`${TOKEN}|${basic}`));
  expect(error.details['reason']).toContain('[removed]');
});
