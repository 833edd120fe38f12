import { Receiver, TwinsWorld, until } from '../twins.fixtures.js';

const FROM = '12012010580';

describe('Restcomm, sending', () => {
  let world: TwinsWorld;
  let receiver: Receiver;

  beforeEach(async () => {
    world = await TwinsWorld.start();
    receiver = await Receiver.start();
  });
  afterEach(async () => {
    await world.stop();
    await receiver.stop();
  });

  const sendTo = (to: string, extra: Record<string, string> = {}) =>
    world.post('/SMS/Messages.json', { From: FROM, To: to, Body: 'hello', ...extra });
  const read = async (sid: string) => (await world.get(`/SMS/Messages/${sid}.json`)).json;

  describe('§4 send', () => {
    it('answers 200 with `sending`, price as a string and nulls dropped', async () => {
      await world.control.switches({ sentDelayMs: 60_000 });
      const { status, json } = await sendTo('12015550123');
      expect(status).toBe(200);
      expect(json).toMatchObject({
        status: 'sending',
        direction: 'outbound-api',
        price: '0',
        price_unit: 'USD',
        from: FROM,
      });
      for (const absent of ['date_sent', 'error_code', 'error_message']) expect(json).not.toHaveProperty(absent);
      await world.control.switches({ explicitNulls: true });
      expect(await read(json.sid)).toMatchObject({ error_code: null });
    });

    it('misses From, To and Body in this order', async () => {
      expect((await world.post('/SMS/Messages.json', {})).text).toBe('From can not be null.');
      expect((await world.post('/SMS/Messages.json', { From: FROM })).text).toBe('To can not be null.');
      expect((await world.post('/SMS/Messages.json', { From: FROM, To: '1' })).text).toBe('Body can not be null.');
    });

    it('meets an unknown encoding, a malformed callback and a text of 1000 characters with 500', async () => {
      const tries: Record<string, string>[] = [
        { Encoding: 'LATIN' },
        { StatusCallback: 'http://a b' },
        { Body: 'x'.repeat(1000) },
      ];
      for (const extra of tries) expect((await sendTo('12015550123', extra)).status).toBe(500);
    });

    it('refuses with SMS_LIMIT_EXCEEDED where the switch says so', async () => {
      await world.control.switches({ smsLimitExceeded: true });
      const answer = await sendTo('12015550123');
      expect([answer.status, answer.json.error]).toEqual([403, 'SMS_LIMIT_EXCEEDED']);
    });

    it('cuts silently to 159 characters when it normalizes, and throws Java at short texts of many bytes (§4.1)', async () => {
      await world.control.switches({ normaliseAndTruncate: true });
      const { json } = await sendTo('12015550123', { Body: 'x'.repeat(170) });
      expect([json.body.length, json.to]).toEqual([159, '+12015550123']);
      const cyrillic = await sendTo('12015550123', { Body: 'щ'.repeat(90) });
      expect([cyrillic.status, cyrillic.text]).toEqual([400, 'String index out of range: 159']);
    });
  });

  describe('§4.2 and §10 what becomes of it', () => {
    it.each([
      ['12015550123', 'delivered', undefined],
      ['12015550003', 'undelivered', 30003],
      ['12015550004', 'failed', 30004],
      ['12015550006', 'undelivered', 30006],
      ['12015550008', 'failed', 30008],
    ])('%s ends as %s with error code %s', async (to, status, code) => {
      const { json } = await sendTo(to);
      const last = await until(
        () => read(json.sid),
        (message) => message.status === status,
      );
      expect(last.error_code).toBe(code);
      expect(last.date_sent).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$/);
    });

    it('answers 0500 with HTTP 500 and keeps nothing', async () => {
      expect((await sendTo('12015550500')).status).toBe(500);
      expect(await world.control.messages({ accountSid: world.account.sid })).toEqual([]);
    });

    it('accepts 0504 but withholds the answer', async () => {
      const basic = Buffer.from(`${world.account.sid}:${world.account.token}`).toString('base64');
      const body = new URLSearchParams({ From: FROM, To: '12015550504', Body: 'hello' });
      const url = `${world.twins.restcommUrl}/Accounts/${world.account.sid}/SMS/Messages.json`;
      const headers = { authorization: `Basic ${basic}` };
      await expect(fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(200) })).rejects.toThrow();
      expect(await world.control.messages({ to: '12015550504' })).toHaveLength(1);
    });

    it('stays at `sent` without delivery reports', async () => {
      await world.control.switches({ noDlr: true });
      const { json } = await sendTo('12015550123');
      await until(
        () => read(json.sid),
        (message) => message.status === 'sent',
      );
      expect((await world.control.state()).messagesWaiting).toBe(0);
    });
  });

  describe('§4.3 status callback', () => {
    it('is posted for `sent` and for the last state, with Body twice and the error by its enum name', async () => {
      const { json } = await sendTo('12015550008', { StatusCallback: `${receiver.url}?k=1`, Body: 'héllo & more' });
      const [sent, failed] = await receiver.gets(2);
      expect(sent!.url).toBe('/hook?k=1');
      expect(sent!.form.getAll('Body')).toEqual(['héllo & more', 'héllo & more']);
      expect(sent!.form.get('MessageStatus')).toBe('sent');
      expect(sent!.form.has('ErrorCode')).toBe(false);
      expect(Object.fromEntries(failed!.form)).toMatchObject({
        MessageSid: json.sid,
        MessageStatus: 'failed',
        ErrorCode: 'UNKNOWN_ERROR',
        AccountSid: world.account.sid,
      });
    });

    it('is tried once, whatever we answer', async () => {
      receiver.answer = (response) => response.writeHead(500).end();
      await sendTo('12015550123', { StatusCallback: receiver.url });
      await receiver.gets(2);
      const state = await until(
        () => world.control.state(),
        (now) => now.webhooksInFlight === 0 && now.messagesWaiting === 0,
      );
      expect([state.messagesWaiting, receiver.received.length]).toEqual([0, 2]);
    });

    it('comes out of order where the switch says so', async () => {
      await world.control.switches({ reorderCallbacks: true });
      await sendTo('12015550123', { StatusCallback: receiver.url });
      const statuses = (await receiver.gets(2)).map((one) => one.form.get('MessageStatus'));
      expect(statuses).toEqual(['delivered', 'sent']);
    });

    it('comes twice where the switch says so', async () => {
      await world.control.switches({ duplicateCallbacks: true, noDlr: true });
      await sendTo('12015550123', { StatusCallback: receiver.url });
      const statuses = (await receiver.gets(2)).map((one) => one.form.get('MessageStatus'));
      expect(statuses).toEqual(['sent', 'sent']);
    });
  });

  describe('§4.4 reading', () => {
    it('lists newest first, matches the end of To and From, and its addresses carry the servlet context', async () => {
      await sendTo('+12015550101');
      await sendTo('+12015550102');
      const all = (await world.get('/SMS/Messages.json')).json;
      expect(all.messages.map(({ to }) => to)).toEqual(['+12015550102', '+12015550101']);
      expect(all.uri).toBe(`/restcomm/2012-04-24/Accounts/${world.account.sid}/SMS/Messages`);
      expect((await world.get('/SMS/Messages.json?To=2015550101')).json.total).toBe(1);
      expect((await world.get('/SMS/Messages.json?To=20155501')).json.total).toBe(0);
    });

    it('takes whole days, EndTime inclusive, and refuses what is no date with 400', async () => {
      await sendTo('12015550123');
      const day = (offset: number): string => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
      const total = async (query: string): Promise<number> =>
        (await world.get(`/SMS/Messages.json?${query}`)).json.total;
      expect(await total(`StartTime=${day(-1)}&EndTime=${day(1)}`)).toBe(1);
      expect(await total(`StartTime=${day(0)}&EndTime=${day(0)}`)).toBe(1);
      expect(await total(`EndTime=${day(-2)}`)).toBe(0);
      expect((await world.get('/SMS/Messages.json?StartTime=yesterday')).status).toBe(400);
    });

    it('filters rows by Status but counts all of them', async () => {
      const { json } = await sendTo('12015550004');
      await until(
        () => read(json.sid),
        (message) => message.status === 'failed',
      );
      await world.control.switches({ sentDelayMs: 60_000 });
      await sendTo('12015550123');
      const list = (await world.get('/SMS/Messages.json?Status=failed')).json;
      expect([list.messages.length, list.total]).toEqual([1, 2]);
    });

    it('sorts by what it knows and explains with JSON what it does not', async () => {
      for (const to of ['3', '1', '2']) await sendTo(to);
      const list = (await world.get('/SMS/Messages.json?SortBy=To:asc&PageSize=2')).json;
      expect(list.messages.map(({ to }) => to)).toEqual(['1', '2']);
      const wrong = await world.get('/SMS/Messages.json?SortBy=To:sideways');
      expect([wrong.status, wrong.json.message]).toEqual([400, expect.any(String)]);
    });

    it('answers an unknown sid with 404 and a malformed one with 500', async () => {
      expect((await world.get(`/SMS/Messages/SM${'0'.repeat(32)}.json`)).status).toBe(404);
      expect((await world.get('/SMS/Messages/SM1.json')).status).toBe(500);
    });
  });
});
