import type { AppError } from '@strowger/kernel';
import type { Reply, SeenRequest } from '../scripted-carrier.fixtures.js';
import { errorOf } from '../testing/kit.js';
import { AC, NUMBER, ScriptedRestcomm, TOKEN } from './scripted-restcomm.fixtures.js';

const AP = 'AP73926e7113fa4d95981aa96b76eca854';
const PN = 'PN0b4201c6c87749f29367e6cf000686cb';

const world = new ScriptedRestcomm();
const { port } = world;
beforeAll(() => world.start());
beforeEach(() => {
  world.forget();
  world.clock.advance(60_000);
});
afterAll(() => world.stop());

const app = (over: object = {}) => ({
  sid: AP,
  friendly_name: 'UnitySmsConnector',
  account_sid: AC,
  kind: 'voice',
  date_created: 'Tue, 5 Mar 2019 10:12:44 +0000',
  ...over,
});
const row = (over: object = {}) => ({
  sid: PN,
  account_sid: AC,
  friendly_name: 'Chris Cell',
  phone_number: '12012010580',
  sms_application_sid: AP,
  sms_url: null,
  sms_method: 'POST',
  voice_url: 'https://voice.example/secret-path',
  voice_caller_id_lookup: true,
  ...over,
});
const isApps = ({ path }: SeenRequest) => path.endsWith('/Applications.json');

describe('verifying a platform (§1.2, §2.2)', () => {
  it('asks for the applications with Basic credentials, suffix and header', async () => {
    world.script = () => ({ json: [app()] });
    expect(await port.verify(world.access)).toEqual({
      accountSid: AC,
      applicationSid: AP,
      applicationName: 'UnitySmsConnector',
      warnings: [],
    });
    const [asked] = world.seen;
    expect(asked?.path).toBe(`/restcomm/2012-04-24/Accounts/${AC}/Applications.json`);
    expect(asked?.headers).toMatchObject({
      accept: 'application/json',
      authorization: `Basic ${Buffer.from(`${AC}:${TOKEN}`).toString('base64')}`,
    });
  });

  it('refuses a malformed Account SID without asking', async () => {
    expect(await errorOf(port.verify({ ...world.access, accountSid: 'AC12' }))).toMatchObject({
      code: 'invalid-input',
      errors: [{ field: 'account' }],
    });
    expect(world.seen).toEqual([]);
  });

  it('reports a missing application in the words of the requirement', async () => {
    world.script = () => ({ json: [app({ friendly_name: 'Other' })] });
    const error = await errorOf(port.verify(world.access));
    expect(error.code).toBe('connector-application-missing');
    expect(error.message).toBe(
      'The authentication details are correct, but the UnitySmsConnector application could not be found in the Restcomm platform. ' +
        'Please download the application from https://portal.unityclient.com/UnitySmsConnector.zip and import into the Restcomm portal ' +
        "to create this application. Please ensure the new application is named exactly as 'UnitySmsConnector'.",
    );
  });

  it('says so when only the case is wrong', async () => {
    world.script = () => ({ json: [app({ friendly_name: 'UnitySMSConnector' })] });
    expect((await errorOf(port.verify(world.access))).message).toContain("There is one named 'UnitySMSConnector'");
  });

  it('passes over shared rows and those of other accounts', async () => {
    world.script = () => ({ json: [app({ account_sid: undefined }), app({ account_sid: `AC${'9'.repeat(32)}` })] });
    expect((await errorOf(port.verify(world.access))).code).toBe('connector-application-missing');
  });

  it('takes, of several, the one of kind sms, then the oldest, and warns', async () => {
    const younger = app({ sid: 'AP3', kind: 'sms', date_created: 'Wed, 6 Mar 2019 10:12:44 +0000' });
    world.script = () => ({ json: [app({ sid: 'AP1' }), younger, app({ sid: 'AP2', kind: 'sms' })] });
    expect(await port.verify(world.access)).toMatchObject({
      applicationSid: 'AP2',
      warnings: [expect.stringContaining('3 applications')],
    });
  });

  it.each<[string, Reply, string, string]>([
    [
      '401',
      { status: 401, headers: { 'www-authenticate': 'Basic realm="Restcomm realm"' } },
      'invalid',
      'platform-credentials-refused',
    ],
    [
      '403 not active',
      { status: 403, text: 'Provided Account is not active' },
      'conflict',
      'platform-account-suspended',
    ],
    ['403 empty', { status: 403 }, 'conflict', 'platform-account-suspended'],
    ['500', { status: 500, text: '<html>oops</html>' }, 'unavailable', 'platform-unavailable'],
    ['a page instead of JSON', { text: '<html>log in</html>' }, 'unavailable', 'platform-unavailable'],
    [
      'a redirect',
      { status: 302, headers: { location: 'http://127.0.0.1:1/' } },
      'unavailable',
      'platform-unavailable',
    ],
    ['no answer', 'silence', 'unavailable', 'platform-unavailable'],
  ])('on %s throws %s', async (_name, reply, kind, code) => {
    world.script = () => reply;
    const error = await errorOf(port.verify(world.access));
    expect(error).toMatchObject({ kind, code, outcome: undefined });
    if (kind === 'unavailable') expect(error.message).not.toMatch(/credential|token|wrong/i);
  });

  it('repeats a read that met 500 at most twice', async () => {
    world.script = () => (world.seen.length < 3 ? { status: 500 } : { json: [app()] });
    await port.verify(world.access);
    expect(world.seen).toHaveLength(3);
  });
});

describe('finding a number (§3.1)', () => {
  const found = (rows: unknown[]) => ({
    json: { page: 0, num_pages: 0, next_page_uri: 'null', incomingPhoneNumbers: rows },
  });

  it('searches ten digits and compares them exactly', async () => {
    world.script = () => found([row({ sid: 'PN9', phone_number: '120120105809' }), row()]);
    expect(await port.findNumber(world.access, NUMBER)).toMatchObject({
      sid: PN,
      applicationSid: AP,
      duplicateSids: [],
    });
    expect(world.seen[0]?.query.get('PhoneNumber')).toBe('2012010580');
  });

  it('never takes a longer number that contains ours', async () => {
    world.script = () => found([row({ phone_number: '92012010580' })]);
    expect(await port.findNumber(world.access, NUMBER)).toBeNull();
  });

  it('prefers the eleven-digit form and names the others', async () => {
    world.script = () =>
      found([
        row({ sid: 'PN1', phone_number: '+12012010580' }),
        row(),
        row({ sid: 'PN3', phone_number: '2012010580' }),
      ]);
    expect(await port.findNumber(world.access, NUMBER)).toMatchObject({ sid: PN, duplicateSids: ['PN1', 'PN3'] });
  });

  it('reads the bare array of older releases', async () => {
    world.script = () => ({ json: [row()] });
    expect(await port.findNumber(world.access, NUMBER)).toMatchObject({ sid: PN });
  });

  it('counts pages itself and takes 400 for the end', async () => {
    const full = Array.from({ length: 50 }, (_, i) => row({ sid: `PN${i}`, phone_number: `9${i}2012010580` }));
    world.script = ({ query }) => (query.get('Page') === '2' ? { status: 400 } : found(full));
    expect(await port.findNumber(world.access, NUMBER)).toBeNull();
    expect(world.seen.map(({ query }) => query.get('Page'))).toEqual(['0', '1', '2']);
  });
});

describe('registering a number (§3.3)', () => {
  it('registers, never buys: eleven digits, isSIP=true, bound at once, nothing empty', async () => {
    world.script = (request) => (isApps(request) ? { json: [app()] } : { json: row() });
    expect(await port.registerNumber(world.access, NUMBER)).toMatchObject({ sid: PN });
    expect(Object.fromEntries(world.seen[1]!.form)).toEqual({
      PhoneNumber: '12012010580',
      FriendlyName: '2012010580',
      isSIP: 'true',
      SmsApplicationSid: AP,
      SmsMethod: 'POST',
    });
  });

  it('explains 21452: another account holds it', async () => {
    world.script = (request) => (isApps(request) ? { json: [app()] } : { status: 400, text: '21452' });
    expect(await errorOf(port.registerNumber(world.access, NUMBER))).toMatchObject({
      kind: 'conflict',
      code: 'number-held-elsewhere',
    });
  });

  it.each<[string, Reply]>([
    ['no answer', 'silence'],
    ['a broken connection', 'reset'],
    ['500', { status: 500 }],
    ['an unreadable answer', { text: 'ok' }],
  ])('says that the outcome is unknown on %s, and does not repeat', async (_name, reply) => {
    world.script = (request) => (isApps(request) ? { json: [app()] } : reply);
    expect(await errorOf(port.registerNumber(world.access, NUMBER))).toMatchObject({
      kind: 'unavailable',
      outcome: 'unknown',
    });
    expect(world.seen.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  it('cuts a friendly name at 64', async () => {
    world.script = (request) => (isApps(request) ? { json: [app()] } : { json: row() });
    await port.registerNumber(world.access, NUMBER, { friendlyName: 'x'.repeat(100) });
    expect(world.seen[1]?.form.get('FriendlyName')).toHaveLength(64);
  });
});

describe('binding a number (§3.4)', () => {
  const bound =
    (over: object = {}) =>
    (request: SeenRequest) =>
      isApps(request) ? { json: [app()] } : { json: row(over) };

  it('binds, clears the rest and reads back', async () => {
    world.script = bound();
    expect(await port.bindNumber(world.access, PN)).toMatchObject({ applicationSid: AP });
    expect(world.seen.map(({ method }) => method)).toEqual(['GET', 'GET', 'POST', 'GET']);
    const form = world.seen[2]!.form;
    expect(form.get('SmsApplicationSid')).toBe(AP);
    for (const name of [
      'SmsUrl',
      'SmsFallbackUrl',
      'VoiceUrl',
      'VoiceApplicationSid',
      'StatusCallback',
      'UssdUrl',
      'ReferUrl',
      'ReferApplicationSid',
    ])
      expect(form.get(name)).toBe('');
    for (const name of ['SmsMethod', 'VoiceMethod', 'StatusCallbackMethod']) expect(form.get(name)).toBe('POST');
    expect(form.get('VoiceCallerIdLookup')).toBe('false');
  });

  const CLEAR = { voice_url: null, voice_caller_id_lookup: false };

  it('only reads what stands as it should already', async () => {
    world.script = bound(CLEAR);
    expect(await port.bindNumber(world.access, PN, { friendlyName: 'Chris Cell' })).toMatchObject({ sid: PN });
    expect(world.seen.map(({ method }) => method)).toEqual(['GET', 'GET']);
  });

  it.each<[string, object, object]>([
    ['another application', { sms_application_sid: `AP${'0'.repeat(32)}` }, {}],
    ['a setting of before', { sms_fallback_url: 'https://elsewhere.example/' }, {}],
    ['a GET', { sms_method: 'GET' }, {}],
    ['no method', { sms_method: null }, {}],
    ['another name', {}, { friendlyName: 'Somebody else' }],
    ['no fallback of ours', {}, { fallbackUrl: 'https://hooks.example/x' }],
  ])('binds a number that has %s', async (_name, over, options) => {
    world.script = bound({ ...CLEAR, ...over });
    const end = await port.bindNumber(world.access, PN, options).then(
      () => 'bound',
      (error: AppError) => error.code,
    );
    // The carrier here keeps what it had: only a number that stays with another application is not bound.
    expect(end).toBe('sms_application_sid' in over ? 'number-binding-failed' : 'bound');
    expect(world.seen.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  it('looks for the application again, because it may have been imported again', async () => {
    world.script = bound();
    await port.bindNumber(world.access, PN);
    world.clock.advance(5000);
    await port.bindNumber(world.access, PN);
    expect(world.seen.filter(isApps)).toHaveLength(2);
    world.clock.advance(100);
    await port.bindNumber({ ...world.access }, PN);
    expect(world.seen.filter(isApps)).toHaveLength(3);
  });

  it('asks once for the steps of one number, and once for numbers of one moment', async () => {
    world.script = bound(CLEAR);
    const [one, other] = [{ ...world.access }, { ...world.access }];
    await Promise.all([port.registerNumber(one, NUMBER), port.registerNumber(other, NUMBER)]);
    world.clock.advance(4999);
    await port.bindNumber(one, PN);
    await port.bindNumber(other, PN);
    expect(world.seen.filter(isApps)).toHaveLength(1);
  });

  it('shares a long list for longer, five seconds at most', async () => {
    const numbers = Array.from({ length: 9000 }, () => ({}));
    for (const [count, ms] of [
      [300, 300],
      [9000, 5000],
    ] as const) {
      world.forget();
      world.clock.advance(60_000);
      world.script = (request) =>
        isApps(request) ? { json: [app({ numbers: numbers.slice(0, count) })] } : { json: row(CLEAR) };
      await port.bindNumber({ ...world.access }, PN);
      world.clock.advance(ms - 1);
      await port.bindNumber({ ...world.access }, PN);
      expect(world.seen.filter(isApps)).toHaveLength(1);
      world.clock.advance(1);
      await port.bindNumber({ ...world.access }, PN);
      expect(world.seen.filter(isApps)).toHaveLength(2);
    }
  });

  it('asks for each secret by itself', async () => {
    world.script = bound(CLEAR);
    await port.bindNumber(world.access, PN);
    await port.bindNumber({ ...world.access, authToken: 'wrong' }, PN);
    expect(world.seen.filter(isApps)).toHaveLength(2);
  });

  it('does not rely on an answer with which something failed', async () => {
    world.script = bound({ sms_application_sid: null });
    await errorOf(port.bindNumber(world.access, PN));
    world.script = bound(CLEAR);
    await port.bindNumber(world.access, PN);
    expect(world.seen.filter(isApps)).toHaveLength(2);
  });

  it('does not believe a 200 that did not bind', async () => {
    world.script = bound({ sms_application_sid: null });
    expect(await errorOf(port.bindNumber(world.access, PN))).toMatchObject({ code: 'number-binding-failed' });
  });

  it('says when the number is gone', async () => {
    world.script = (request) => (isApps(request) ? { json: [app()] } : { status: 404 });
    expect(await errorOf(port.bindNumber(world.access, PN))).toMatchObject({
      kind: 'not-found',
      code: 'carrier-number-missing',
    });
  });

  it('keeps a fallback of ours only when asked', async () => {
    world.script = bound();
    await port.bindNumber(world.access, PN, { fallbackUrl: 'https://hooks.example/x' });
    expect(world.seen[2]?.form.get('SmsFallbackUrl')).toBe('https://hooks.example/x');
  });

  it('restores a snapshot with every field explicit', async () => {
    world.script = () => ({ json: { incomingPhoneNumbers: [row({ sms_application_sid: null, voice_method: null })] } });
    const before = await port.findNumber(world.access, NUMBER);
    world.script = () => ({ json: row() });
    await port.restoreNumber(world.access, PN, structuredClone(before!.snapshot));
    const form = world.seen[1]!.form;
    expect(Object.fromEntries(form)).toMatchObject({
      VoiceUrl: 'https://voice.example/secret-path',
      VoiceCallerIdLookup: 'true',
      SmsApplicationSid: '',
      SmsUrl: '',
      VoiceMethod: 'POST',
      FriendlyName: 'Chris Cell',
    });
  });

  it('unbinds by an empty sid, and takes a number that is gone for done', async () => {
    world.script = () => ({ status: 404 });
    await port.unbindNumber(world.access, PN);
    expect(world.seen[0]?.body).toBe('SmsApplicationSid=');
  });
});

it.each([200, 204, 404])('takes %d for a removal (§3.5)', async (status) => {
  world.script = () => ({ status });
  await expect(port.removeNumber(world.access, PN)).resolves.toBeUndefined();
});
