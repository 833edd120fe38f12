import type { HookRequest } from '../carrier.js';
import { restcommHook } from './hook.js';

const AC = 'AC0123456789abcdef0123456789abcdef';
const SM = 'SM00ae962506694a61a4e29d776918a747';
const FORM = 'application/x-www-form-urlencoded; charset=UTF-8';
const AT = new Date('2026-11-20T10:00:00Z');

const parse = (body: string | Buffer, request: Partial<HookRequest> = {}) =>
  restcommHook.read({
    method: 'POST',
    contentType: FORM,
    headers: {},
    query: '',
    rawBody: Buffer.from(body),
    receivedAt: AT,
    account: AC,
    ...request,
  });
const inbound = (body: string): string => `SmsSid=${SM}&AccountSid=${AC}&From=12015550123&To=12012010580&Body=${body}`;
const textOf = (body: string | Buffer, request?: Partial<HookRequest>) => {
  const [fact] = parse(body, request).facts;
  return fact?.type === 'message.received' ? fact.text : undefined;
};

describe('an inbound SMS (carrier-restcomm §6.1)', () => {
  it('is read from a form, with numbers in E.164', () => {
    expect(parse(inbound('Hello+world%21'))).toEqual({
      facts: [
        {
          type: 'message.received',
          carrierMessageId: SM,
          from: '+12015550123',
          to: '+12012010580',
          text: 'Hello world!',
          carrierAccountId: AC,
        },
      ],
      reply: {
        status: 200,
        contentType: 'text/xml; charset=utf-8',
        body: '<?xml version="1.0" encoding="UTF-8"?><Response/>',
      },
    });
  });

  it('is read from the query of a GET', () => {
    const { facts } = parse('', { method: 'GET', contentType: undefined, query: inbound('caf%C3%A9') });
    expect(facts).toMatchObject([{ text: 'café' }]);
  });

  it('is read from JSON and answered in JSON', () => {
    const json = JSON.stringify({
      core_SmsSid: SM,
      core_AccountSid: AC,
      core_From: '2015550123',
      core_To: 12012010580,
      core_Body: 'a\n"b"',
    });
    expect(parse(json, { contentType: 'application/json' })).toMatchObject({
      facts: [{ from: '+12015550123', to: '+12012010580', text: 'a\n"b"' }],
      reply: { status: 200, contentType: expect.stringContaining('json'), body: '{"status":"ok"}' },
    });
  });

  it.each(['SmsSid', 'smsSid', 'core_SmsSid', 'MessageSid', 'SMSSID'])('names its id %s', (name) => {
    expect(parse(inbound('x').replace('SmsSid', name)).facts[0]).toMatchObject({ carrierMessageId: SM });
  });

  it('handles every element of a batch, also beside an unreadable one', () => {
    const one = { SmsSid: SM, AccountSid: AC, From: '12015550123', To: '12012010580', Body: 'x' };
    const parsed = parse(JSON.stringify([one, { nothing: 1 }, { ...one, SmsSid: 'SM2' }]), {
      contentType: 'application/json',
    });
    expect(parsed.facts.map((fact) => fact.carrierMessageId)).toEqual([SM, 'SM2']);
    expect(parsed.unreadable).toEqual({ reason: 'missing-fields', detail: 'element 1: account, from, to' });
  });

  it('keeps a short code, and a name, as given', () => {
    expect(parse(inbound('x').replace('12015550123', '72345')).facts[0]?.from).toBe('72345');
    expect(parse(inbound('x').replace('12015550123', 'ACME')).facts[0]?.from).toBe('ACME');
  });

  it('reads a plus nobody escaped', () => {
    expect(parse(inbound('x').replace('12015550123', '+12015550123')).facts[0]?.from).toBe('+12015550123');
  });

  it('may have no text', () => expect(textOf(inbound(''))).toBe(''));
});

describe('encoding traps (§7.3, §7.4)', () => {
  it('reads escapes as UTF-8, and as ISO-8859-1 where that fails', () => {
    expect(textOf(inbound('caf%C3%A9+%F0%9F%98%80'))).toBe('café 😀');
    expect(textOf(inbound('caf%E9'))).toBe('café');
    expect(textOf(Buffer.from(inbound('café'), 'latin1'))).toBe('café');
    expect(textOf(inbound('café'))).toBe('café');
  });

  it.each([
    ['a question mark', 'what%3F', undefined],
    ['ISO-8859-1', 'caf%E9', true],
    ['a replacement character', '%EF%BF%BD', true],
    ['a broken escape', '100%zz', true],
    ['a text that broke out of its field', 'fish+&+chips', true],
    ['bytes that are neither UTF-8 nor ISO-8859-1', '%93x%94', true],
    ['plain text', 'fine', undefined],
    ['good UTF-8', 'caf%C3%A9', undefined],
  ])('%s: reread %s', (_name, body, suspect) => {
    const [fact] = parse(inbound(body)).facts;
    expect(fact && 'suspectEncoding' in fact ? fact.suspectEncoding : undefined).toBe(suspect);
  });

  it('rereads a question mark of a connector application, which may stand for an emoji', () => {
    const body = inbound('what%3F').replace('SmsSid', 'core_SmsSid');
    expect(parse(body).facts[0]).toMatchObject({ text: 'what?', suspectEncoding: true });
    expect(parse(body.replace('what%3F', 'what')).facts[0]).not.toHaveProperty('suspectEncoding');
  });

  it('strips control characters and broken surrogates, which no database takes', () => {
    expect(textOf(inbound('%00a%07%0Ab%01'))).toBe('a\nb');
    const json = `{"SmsSid":"${SM}","AccountSid":"${AC}","From":"1","To":"2","Body":"x\\ud83d"}`;
    expect(textOf(json, { contentType: 'application/json' })).toBe('x\ufffd');
  });

  it('quarantines JSON that a template broke', () => {
    const parsed = parse(`{"Body":"say "hi"","From":"1"}`, { contentType: 'application/json' });
    expect(parsed).toMatchObject({ facts: [], unreadable: { reason: 'broken-json' }, reply: { status: 200 } });
  });

  it('quarantines a form in which a text became a second sender', () => {
    expect(parse(`${inbound('hi')}&From=12015550999`).unreadable).toEqual({
      reason: 'conflicting-fields',
      detail: 'from',
    });
  });
});

describe('without an id (§7.4)', () => {
  const anonymous = inbound('hi').replace(`SmsSid=${SM}&`, '');
  const idAt = (at: string, body = anonymous) => parse(body, { receivedAt: new Date(at) }).facts[0]?.carrierMessageId;

  it('gets a fingerprint that holds for 30 seconds', () => {
    expect(parse(anonymous).facts[0]).toMatchObject({
      fingerprint: true,
      carrierMessageId: expect.stringMatching(/^fp-[0-9a-f]{32}$/),
    });
    expect(idAt('2026-11-20T10:00:01Z')).toBe(idAt('2026-11-20T10:00:29Z'));
    expect(idAt('2026-11-20T10:00:01Z')).not.toBe(idAt('2026-11-20T10:00:31Z'));
    expect(idAt('2026-11-20T10:00:01Z')).not.toBe(idAt('2026-11-20T10:00:01Z', anonymous.replace('hi', 'ho')));
  });
});

describe('receipts on the same hook (§4.3)', () => {
  it('are kept apart, Body twice and the error by name', () => {
    const body = `From=12012010580&To=12015550123&Body=hi&Body=hi&AccountSid=${AC}&MessageSid=${SM}&MessageStatus=failed&ErrorCode=UNKNOWN_ERROR`;
    expect(parse(body).facts).toEqual([
      {
        type: 'receipt.received',
        carrierMessageId: SM,
        status: 'failed',
        errorCode: 'UNKNOWN_ERROR',
        from: '+12012010580',
        to: '+12015550123',
      },
    ]);
  });

  it.each(['MessageStatus', 'SmsStatus', 'Status'])('may name the status %s', (name) => {
    expect(parse(`AccountSid=${AC}&SmsSid=${SM}&${name}=delivered`).facts).toMatchObject([
      { type: 'receipt.received', status: 'delivered' },
    ]);
  });

  it('keep a status nobody knows verbatim', () => {
    expect(parse(`AccountSid=${AC}&SmsSid=${SM}&MessageStatus=Teleported`).facts).toMatchObject([
      { status: 'Teleported' },
    ]);
  });

  it('are not made of the status an inbound message carries', () => {
    expect(parse(`${inbound('hi')}&SmsStatus=received`).facts).toMatchObject([{ type: 'message.received' }]);
  });
});

describe('what cannot be read', () => {
  it.each<[string, string, Partial<HookRequest>, string]>([
    ['nothing at all', '', {}, 'empty'],
    ['an empty batch', '[]', { contentType: 'application/json' }, 'empty'],
    ['no account', inbound('hi').replace(AC, ''), {}, 'missing-fields'],
    ['no sender', inbound('hi').replace('12015550123', ''), {}, 'missing-fields'],
    ['a receipt without an id', `AccountSid=${AC}&MessageStatus=sent`, {}, 'missing-fields'],
    ['an upload', 'x', { contentType: 'multipart/form-data; boundary=x' }, 'unsupported-content-type'],
    ['noise', '\u0000\u0001%%%', {}, 'missing-fields'],
    ['JSON of the wrong shape', '"text"', { contentType: 'application/json' }, 'missing-fields'],
  ])('%s is quarantined, and still answered 200', (_name, body, request, reason) => {
    expect(parse(body, request)).toMatchObject({ facts: [], unreadable: { reason }, reply: { status: 200 } });
  });

  it('never throws, whatever the bytes', () => {
    let seed = 7;
    const random = (below: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
    for (let round = 0; round < 500; round++) {
      const bytes = Buffer.from(Array.from({ length: random(60) }, () => random(256)));
      const contentType = [FORM, 'application/json', ''][random(3)];
      expect(parse(bytes, { contentType, query: round % 2 ? bytes.toString('latin1') : '' }).reply.status).toBe(200);
    }
  });
});

it('lets the URL fill what the body lacks, and no more', () => {
  const { facts } = parse(inbound('hi').replace(`AccountSid=${AC}&`, ''), { query: `AccountSid=${AC}&Body=other&k=1` });
  expect(facts).toMatchObject([{ carrierAccountId: AC, text: 'hi' }]);
});
