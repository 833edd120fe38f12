import { createHash } from 'node:crypto';
import { NO_APP_ACCOUNT, SUSPENDED_ACCOUNT } from '../index.js';
import { ask, TwinsWorld } from '../twins.fixtures.js';

describe('Restcomm, provisioning side', () => {
  let world: TwinsWorld;

  beforeEach(async () => {
    world = await TwinsWorld.start();
  });
  afterEach(() => world.stop());

  describe('§1.2 authentication', () => {
    it('answers wrong credentials with 401, the Restcomm realm and an empty body', async () => {
      const answer = await world.get('/Applications.json', { sid: world.account.sid, token: 'wrong' });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Basic realm="Restcomm realm"');
      expect(answer.text).toBe('');
    });

    it('answers for a suspended account with 403 and a sentence', async () => {
      const answer = await world.get('/Applications.json', SUSPENDED_ACCOUNT);
      expect([answer.status, answer.text]).toEqual([403, 'Provided Account is not active']);
    });

    it('accepts the account e-mail as the user name, and a password whose MD5 is the stored token', async () => {
      const token = createHash('md5').update('secret').digest('hex');
      await world.control.putAccount({ sid: world.account.sid, token, email: 'owner@example.com' });
      const path = `/Accounts/${world.account.sid}/Applications.json`;
      const answer = await world.restcomm('GET', path, undefined, { sid: 'owner@example.com', token: 'secret' });
      expect(answer.status).toBe(200);
    });

    it('falls over with 500 HTML on an unknown account in the path, and forbids a foreign one', async () => {
      const unknown = await world.restcomm('GET', `/Accounts/AC${'9'.repeat(32)}/Applications.json`);
      expect([unknown.status, unknown.text]).toEqual([500, expect.stringContaining('<html>')]);
      const foreign = await world.restcomm('GET', `/Accounts/${NO_APP_ACCOUNT.sid}/Applications.json`);
      expect([foreign.status, foreign.text]).toEqual([403, '']);
    });

    it('lets a parent account act on its sub-account', async () => {
      const child = await world.control.putAccount({ parentSid: world.account.sid });
      const answer = await world.restcomm('GET', `/Accounts/${child.sid}/Applications.json`);
      expect(answer.status).toBe(200);
    });

    it('stops accepting a token the moment the account gets another', async () => {
      expect((await world.get('/Applications.json')).status).toBe(200);
      await world.control.putAccount({ sid: world.account.sid, token: 'f'.repeat(32) });
      expect((await world.get('/Applications.json')).status).toBe(401);
    });
  });

  describe('§1.3 formats', () => {
    it('speaks XML when neither the path nor Accept asks for JSON', async () => {
      const answer = await world.get('/Applications');
      expect(answer.headers.get('content-type')).toBe('application/xml');
      expect(answer.text).toMatch(/^<RestcommResponse>\s*<Applications>.*<FriendlyName>UnitySmsConnector</s);
    });

    it('speaks JSON when only Accept asks for it', async () => {
      const path = `/Accounts/${world.account.sid}/Applications`;
      const answer = await world.restcomm('GET', path, undefined, world.account, { accept: 'application/json' });
      expect(answer.json).toHaveLength(1);
    });

    it('does not bind JSON bodies: 415', async () => {
      const url = `${world.twins.restcommUrl}/Accounts/${world.account.sid}/IncomingPhoneNumbers.json`;
      const basic = Buffer.from(`${world.account.sid}:${world.account.token}`).toString('base64');
      const headers = { authorization: `Basic ${basic}`, 'content-type': 'application/json' };
      expect((await ask(url, { method: 'POST', headers, body: '{"PhoneNumber":"1"}' })).status).toBe(415);
    });

    it('prints JSON prettily, with dates whose day is not padded', async () => {
      const { text, json } = await world.get('/Applications.json');
      expect(text).toContain('\n  {\n    "sid"');
      expect(json[0]!.date_created).toMatch(/^[A-Z][a-z]{2}, [1-9]\d? [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000$/);
    });

    it('serves the same under /api and ignores parameters whose case is wrong', async () => {
      const sid = await world.register('12012010580', { SMSMethod: 'GET' });
      const basic = Buffer.from(`${world.account.sid}:${world.account.token}`).toString('base64');
      const url = `${world.twins.url}/api/2012-04-24/Accounts/${world.account.sid}/IncomingPhoneNumbers/${sid}.json`;
      const { json } = await ask(url, { headers: { authorization: `Basic ${basic}` } });
      expect(json.sms_method).toBe('POST');
    });
  });

  describe('§2 applications', () => {
    it('lists a bare array, nulls omitted, with the numbers bound to each', async () => {
      await world.register('12012010580', { FriendlyName: 'Chris Cell', SmsApplicationSid: world.appSid });
      const { json } = await world.get('/Applications.json');
      expect(json).toEqual([
        expect.objectContaining({ friendly_name: 'UnitySmsConnector', kind: 'sms', account_sid: world.account.sid }),
      ]);
      expect(json[0]!.numbers).toEqual([
        expect.objectContaining({ phone_number: '12012010580', sms_application_sid: world.appSid }),
      ]);
      expect(Object.keys(json[0]!.numbers[0]!)).not.toContain('voice_application_sid');
    });

    it('allows two of the same name, and creates with 200', async () => {
      const created = await world.post('/Applications.json', { FriendlyName: 'UnitySmsConnector', Kind: 'sms' });
      expect(created.status).toBe(200);
      expect(created.json).not.toHaveProperty('rcml_url');
      expect((await world.get('/Applications.json')).json).toHaveLength(2);
    });

    it('deletes with 200 and nothing in it, also what was never there (§2.3)', async () => {
      const answer = await world.delete(`/Applications/AP${'0'.repeat(32)}.json`);
      expect([answer.status, answer.text]).toEqual([200, '']);
    });
  });

  describe('§3.1 number list', () => {
    it('pages with the floor, so an exact multiple ends in an advertised empty page, and absent neighbors are "null"', async () => {
      await world.register('12012010581');
      await world.register('12012010582');
      const first = (await world.get('/IncomingPhoneNumbers.json?PageSize=2')).json;
      expect(first).toMatchObject({ page: 0, num_pages: 1, total: 2, start: '0', previous_page_uri: 'null' });
      expect(first.next_page_uri).toContain('?Page=1&PageSize=2');
      const second = (await world.get('/IncomingPhoneNumbers.json?PageSize=2&Page=1')).json;
      expect(second).toMatchObject({ incomingPhoneNumbers: [], next_page_uri: 'null' });
      const third = await world.get('/IncomingPhoneNumbers.json?PageSize=2&Page=2');
      expect([third.status, third.text]).toEqual([400, '']);
    });

    it('counts a single page as num_pages 0, with start and end as strings', async () => {
      await world.register('12012010580');
      expect((await world.get('/IncomingPhoneNumbers.json')).json).toMatchObject({
        num_pages: 0,
        total: 1,
        start: '0',
        end: '1',
        last_page_uri: expect.stringMatching(/Page=0&PageSize=50$/),
      });
    });

    it.each(['Page=x', 'PageSize=x', 'PageSize=0'])('meets %s with 500, empty', async (query) => {
      const answer = await world.get(`/IncomingPhoneNumbers.json?${query}`);
      expect([answer.status, answer.text]).toEqual([500, '']);
    });

    it('searches with LIKE: parts and longer numbers match, % is wild, * is not', async () => {
      for (const phone of ['2012010580', '12012010580', '+12012010580', '120120105800', '13015550123']) {
        await world.register(phone);
      }
      const search = async (value: string): Promise<number> =>
        (await world.get(`/IncomingPhoneNumbers.json?PhoneNumber=${encodeURIComponent(value)}`)).json.total;
      expect(await search('2012010580')).toBe(4);
      expect(await search('12012010580')).toBe(3);
      expect(await search('2012010580%')).toBe(4);
      expect(await search('2012010580_')).toBe(1);
      expect(await search('2012010589')).toBe(0);
      expect(await search('1301%123')).toBe(1);
      expect(await search('1301*123')).toBe(0);
    });

    it('orders by number only when asked to sort by something it does not know', async () => {
      for (const phone of ['13', '11', '12']) await world.register(phone);
      const order = async (query: string): Promise<string[]> =>
        (await world.get(`/IncomingPhoneNumbers.json${query}`)).json.incomingPhoneNumbers.map(
          (row) => row.phone_number,
        );
      expect(await order('?SortBy=PhoneNumber')).toEqual(['13', '11', '12']);
      expect(await order('?SortBy=Sid')).toEqual(['11', '12', '13']);
    });

    it('joins the application name in lists only, and writes nulls out (§3.2)', async () => {
      const sid = await world.register('12012010580', { SmsApplicationSid: world.appSid });
      const listed = (await world.get('/IncomingPhoneNumbers.json')).json.incomingPhoneNumbers[0];
      expect(listed).toMatchObject({ sms_application_name: 'UnitySmsConnector', sms_url: null, voice_method: 'POST' });
      expect(listed).not.toHaveProperty('voice_application_name');
      const single = (await world.get(`/IncomingPhoneNumbers/${sid}.json`)).json;
      expect(single.sms_application_name).toBeNull();
      expect(single.capabilities.sms_capable).toBe(false);
    });

    it('is a bare array in an old release, and carries another list’s metadata when it races', async () => {
      await world.register('12012010580');
      await world.control.switches({ bareNumberList: true });
      expect((await world.get('/IncomingPhoneNumbers.json')).json).toHaveLength(1);
      await world.control.switches({ bareNumberList: false, racyPaging: true });
      await world.get('/IncomingPhoneNumbers.json?PageSize=7');
      expect((await world.get('/IncomingPhoneNumbers.json?PageSize=9')).json.page_size).toBe(7);
    });
  });

  describe('§3.3 create', () => {
    it('registers verbatim with isSIP=true and answers 200: three spellings, and an impossible number, live side by side', async () => {
      for (const phone of ['+12012010580', '12012010580', '2012010580', '20120105500000']) {
        const answer = await world.post('/IncomingPhoneNumbers.json', { PhoneNumber: phone, isSIP: 'true' });
        expect([answer.status, answer.json.phone_number, answer.json.friendly_name]).toEqual([200, phone, phone]);
      }
    });

    it('refuses a second registration in the organization with the bare number 21452, though the search can’t see it', async () => {
      const sibling = await world.control.putAccount({ organizationSid: world.account.organizationSid });
      await world.register('12012010580');
      const again = await world.post(
        '/IncomingPhoneNumbers.json',
        { PhoneNumber: '12012010580', isSIP: 'true' },
        sibling,
      );
      expect([again.status, again.text]).toEqual([400, '21452']);
      expect((await world.get('/IncomingPhoneNumbers.json?PhoneNumber=2012010580', sibling)).json.total).toBe(0);
    });

    it('buys without isSIP: another spelling is a duplicate, an impossible number is refused with the same code', async () => {
      await world.register('12012010580');
      const buy = (phone: string) => world.post('/IncomingPhoneNumbers.json', { PhoneNumber: phone });
      expect((await buy('+12012010580')).text).toBe('21452');
      expect((await buy('20120105500000')).text).toBe('21452');
      expect((await buy('+12012010599')).status).toBe(200);
    });

    it('words a missing number, and loses itself in 500 on an empty application sid', async () => {
      expect((await world.post('/IncomingPhoneNumbers.json', { isSIP: 'true' })).text).toBe(
        'Phone number can not be null.',
      );
      const answer = await world.post('/IncomingPhoneNumbers.json', {
        PhoneNumber: '1',
        isSIP: 'true',
        SmsApplicationSid: '',
      });
      expect([answer.status, answer.text]).toEqual([500, '']);
    });

    it('answers a quota with JSON that has a newline between its keys', async () => {
      await world.control.switches({ didQuotaExceeded: true });
      const answer = await world.post('/IncomingPhoneNumbers.json', { PhoneNumber: '+12012010580' });
      expect([answer.status, answer.text]).toEqual([403, expect.stringContaining(',\n"error":"DID_QUOTA_EXCEEDED"')]);
    });
  });

  describe('§3.4 update and §3.5 delete', () => {
    it('changes only what is sent, and clears URLs and applications with an empty value', async () => {
      const sid = await world.register('12012010580', {
        SmsUrl: 'https://old.example/sms',
        VoiceUrl: 'https://old.example/voice',
      });
      const { status, json } = await world.post(`/IncomingPhoneNumbers/${sid}.json`, {
        SmsUrl: '',
        SmsApplicationSid: world.appSid,
      });
      expect(status).toBe(200);
      expect(json).toMatchObject({
        sms_url: null,
        voice_url: 'https://old.example/voice',
        sms_application_sid: world.appSid,
      });
    });

    it('does not look whether the application exists', async () => {
      const sid = await world.register('12012010580');
      const ghost = `AP${'0'.repeat(32)}`;
      const answer = await world.post(`/IncomingPhoneNumbers/${sid}.json`, { SmsApplicationSid: ghost });
      expect([answer.status, answer.json.sms_application_sid]).toEqual([200, ghost]);
    });

    it('answers an unknown sid with 404, a malformed one or a foreign number with 500, all empty', async () => {
      const foreign = await world.control.putNumber({ accountSid: NO_APP_ACCOUNT.sid, phone_number: '12012010599' });
      const statusOf = async (sid: string): Promise<unknown[]> => {
        const answer = await world.post(`/IncomingPhoneNumbers/${sid}.json`, { SmsUrl: '' });
        return [answer.status, answer.text];
      };
      expect(await statusOf(`PN${'0'.repeat(32)}`)).toEqual([404, '']);
      expect(await statusOf('nonsense')).toEqual([500, '']);
      expect(await statusOf(foreign.sid)).toEqual([500, '']);
    });

    it('asks the DID provider about a number created with isSIP=false, in vain', async () => {
      const sid = await world.register('12012010580', { isSIP: 'false' });
      expect((await world.post(`/IncomingPhoneNumbers/${sid}.json`, { SmsUrl: '' })).text).toBe('21452');
    });

    it('deletes with 204, or 200 where the switch says so, and then knows nothing of it', async () => {
      const sid = await world.register('12012010580');
      expect((await world.delete(`/IncomingPhoneNumbers/${sid}.json`)).status).toBe(204);
      expect((await world.delete(`/IncomingPhoneNumbers/${sid}.json`)).status).toBe(404);
      await world.control.switches({ deleteStatus: 200 });
      expect((await world.delete(`/IncomingPhoneNumbers/${await world.register('1')}.json`)).status).toBe(200);
    });
  });
});
