import { Receiver, TwinsWorld } from '../twins.fixtures.js';

const TO = '12012010580';
const SMS = { to: TO, from: '12015550199', body: 'hi there' };

describe('Restcomm, inbound', () => {
  let world: TwinsWorld;
  let receiver: Receiver;
  let fallback: Receiver;

  beforeEach(async () => {
    world = await TwinsWorld.start();
    receiver = await Receiver.start();
    fallback = await Receiver.start();
    await world.control.putApplication(world.account.sid, 'UnitySmsConnector', {
      rcml_url: `${receiver.url}?k=secret`,
    });
  });
  afterEach(async () => {
    await world.stop();
    await receiver.stop();
    await fallback.stop();
  });

  const bind = (form: Record<string, string> = {}) => world.register(TO, { SmsApplicationSid: world.appSid, ...form });

  it('posts five fields as a form and keeps the query of the URL (§6.1)', async () => {
    await bind();
    const { smsSid, delivered } = await world.control.inbound(SMS);
    expect(delivered).toBe(true);
    const [hook] = receiver.received;
    expect([hook!.method, hook!.url]).toEqual(['POST', '/hook?k=secret']);
    expect([...hook!.form]).toEqual([
      ['SmsSid', smsSid],
      ['AccountSid', world.account.sid],
      ['From', '12015550199'],
      ['To', TO],
      ['Body', 'hi there'],
    ]);
  });

  it('stores the message before the webhook is tried, so that a list finds what we refused (§6.2)', async () => {
    await bind();
    let storedDuringTheHook = 0;
    receiver.answer = (response) => {
      void world.control.messages({ direction: 'inbound' }).then((found) => {
        storedDuringTheHook = found.length;
        response.writeHead(503).end();
      });
    };
    const { smsSid, delivered } = await world.control.inbound(SMS);
    expect([delivered, storedDuringTheHook]).toEqual([false, 1]);
    const list = (await world.get('/SMS/Messages.json')).json;
    expect(list.messages).toEqual([expect.objectContaining({ sid: smsSid, direction: 'inbound', status: 'received' })]);
  });

  it.each([
    ['202 instead of 200', 202, 'text/xml', '<Response/>', 11206],
    ['JSON', 200, 'application/json', '{}', 12300],
    ['XML that is not well-formed', 200, 'text/xml', '<Response><Sms></Response>', 12100],
  ])(
    'counts %s as a failure and writes it to the notifications (§6.2, §6.5)',
    async (_what, status, type, body, code) => {
      await bind();
      receiver.answer = (response) => response.writeHead(status, { 'content-type': type }).end(body);
      const result = await world.control.inbound(SMS);
      expect([result.delivered, result.notifications, receiver.received.length]).toEqual([false, [code], 1]);
      const { json } = await world.get(`/Notifications.json?ErrorCode=${code}`);
      expect(json.notifications[0]).toMatchObject({ error_code: code, request_method: 'POST' });
      expect(JSON.stringify(json)).not.toContain('secret');
    },
  );

  it('reports a verb it does not know as 14110, and answers the sender for an Sms verb', async () => {
    await bind();
    receiver.answer = (response) =>
      response
        .writeHead(200, { 'content-type': 'text/xml' })
        .end('<Response><Hangup/><Sms>thank you &amp; bye</Sms></Response>');
    expect((await world.control.inbound(SMS)).notifications).toEqual([14110]);
    const [reply] = await world.control.messages({ direction: 'outbound' });
    expect(reply).toMatchObject({ from: TO, to: SMS.from, body: 'thank you & bye', direction: 'outbound-reply' });
  });

  it('tries the number’s fallback once, though an application is bound (§3.4)', async () => {
    await bind({ SmsFallbackUrl: fallback.url });
    receiver.answer = (response) => response.writeHead(500).end();
    const result = await world.control.inbound(SMS);
    expect(result.attempts.map((one) => [one.kind, one.ok])).toEqual([
      ['inbound', false],
      ['fallback', true],
    ]);
    expect([receiver.received.length, fallback.received.length]).toEqual([1, 1]);
  });

  it('gives up when the connection is refused: 11205', async () => {
    await bind();
    await receiver.stop();
    expect((await world.control.inbound(SMS)).notifications).toEqual([11205]);
    receiver = await Receiver.start();
  });

  it('gives up after six seconds', async () => {
    await bind();
    receiver.answer = () => undefined;
    const result = await world.control.inbound(SMS);
    expect(result.attempts).toEqual([{ kind: 'inbound', status: undefined, error: 'timeout', ok: false }]);
    expect((await world.control.webhooks())[0]!.durationMs).toBeGreaterThanOrEqual(5900);
  }, 10_000);

  it('prefers the application over sms_url, but uses the number’s method (§3.4)', async () => {
    await bind({ SmsUrl: fallback.url, SmsMethod: 'GET' });
    await world.control.inbound(SMS);
    expect(fallback.received).toEqual([]);
    expect(receiver.received[0]).toMatchObject({ method: 'GET', url: expect.stringContaining('?k=secret&SmsSid=SM') });
  });

  it('falls through to sms_url when the application is gone, or raises 12003 on the SIP path (§6.4)', async () => {
    await bind({ SmsUrl: fallback.url });
    await world.control.deleteApplication(world.account.sid, 'UnitySmsConnector');
    expect((await world.control.inbound(SMS)).delivered).toBe(true);
    expect(fallback.received).toHaveLength(1);
    await world.control.switches({ inboundPath: 'sip' });
    expect((await world.control.inbound(SMS)).notifications).toEqual([12003]);
  });

  it.each(['+12012010580', '2012010580'])('finds the number written as %s (§6.4)', async (to) => {
    await bind();
    expect((await world.control.inbound({ ...SMS, to })).delivered).toBe(true);
    expect(receiver.received[0]!.form.get('To')).toBe(to);
  });

  it('can repeat a webhook with the same SmsSid, or post none at all', async () => {
    await bind();
    await world.control.inbound({ ...SMS, smsSid: `SM${'a'.repeat(32)}`, repeat: 3 });
    expect(new Set(receiver.received.map((one) => one.form.get('SmsSid')))).toEqual(new Set([`SM${'a'.repeat(32)}`]));
    await world.control.inbound({ ...SMS, noWebhook: true });
    expect(receiver.received).toHaveLength(3);
    expect(await world.control.messages({ direction: 'inbound' })).toHaveLength(2);
  });

  describe('§7 through a Visual Designer project', () => {
    it('loses what ISO-8859-1 lacks, without naming the charset (§7.3)', async () => {
      await bind();
      await world.control.inbound({ ...SMS, body: 'é 😀', connectorMode: 'form-latin1' });
      const [hook] = receiver.received;
      expect(hook!.contentType).toBe('application/x-www-form-urlencoded');
      expect(hook!.raw.toString('latin1')).toContain('Body=%E9+%3F');
    });

    it('pastes the text into JSON, so a quote breaks it', async () => {
      await bind();
      await world.control.inbound({ ...SMS, body: 'say "hi"', connectorMode: 'json' });
      expect(receiver.received[0]!.contentType).toBe('application/json');
      expect(() => JSON.parse(receiver.received[0]!.raw.toString()) as unknown).toThrow(SyntaxError);
    });

    it('can put everything in the query', async () => {
      await bind();
      await world.control.inbound({ ...SMS, connectorMode: 'get' });
      expect(receiver.received[0]).toMatchObject({ method: 'GET', url: expect.stringContaining('&Body=hi+there') });
    });

    it('swallows our errors: no retry, no fallback, only 14110 remains (§7.2)', async () => {
      await bind({ SmsFallbackUrl: fallback.url });
      receiver.answer = (response) => response.writeHead(503).end();
      const result = await world.control.inbound({ ...SMS, connectorMode: 'json' });
      expect([result.delivered, result.notifications, fallback.received.length]).toEqual([false, [14110], 0]);
    });

    it('takes any answer below 400 for success', async () => {
      await bind();
      await world.control.putApplication(world.account.sid, 'UnitySmsConnector', { connector_mode: 'json' });
      receiver.answer = (response) => response.writeHead(202).end();
      expect((await world.control.inbound(SMS)).delivered).toBe(true);
    });
  });
});
