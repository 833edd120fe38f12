import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FaultInput, startTwins, twinsClient, type TwinsControl } from '../index.js';
import { ask, Receiver, TwinsWorld } from '../twins.fixtures.js';

const PHONE = '12012010580';

describe('control API', () => {
  let world: TwinsWorld;
  let client: TwinsControl;

  beforeEach(async () => {
    world = await TwinsWorld.start();
    client = twinsClient(world.twins.url);
  });
  afterEach(() => world.stop());

  const create = () => world.post('/IncomingPhoneNumbers.json', { PhoneNumber: PHONE, isSIP: 'true' });
  const fault = (input: Partial<FaultInput> & Pick<FaultInput, 'do'>) =>
    client.addFault({ carrier: 'restcomm', match: { path: 'numbers.create' }, ...input });

  /** Gives up after a moment, as a client with a time limit does. */
  const createImpatiently = async (): Promise<unknown> => {
    const basic = Buffer.from(`${world.account.sid}:${world.account.token}`).toString('base64');
    return fetch(`${world.twins.restcommUrl}/Accounts/${world.account.sid}/IncomingPhoneNumbers.json`, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}` },
      body: new URLSearchParams({ PhoneNumber: PHONE, isSIP: 'true' }),
      signal: AbortSignal.timeout(200),
    });
  };
  const held = async (): Promise<number> => (await client.numbers({ phone: PHONE })).length;

  describe('faults', () => {
    it.each([
      ['timeout-before', 0],
      ['timeout-after', 1],
      ['reset-before', 0],
      ['reset-after', 1],
    ] as const)('%s leaves %i number behind', async (kind, left) => {
      await fault({ do: kind });
      await expect(createImpatiently()).rejects.toThrow();
      expect(await held()).toBe(left);
    });

    it('refuse is the carrier’s own no, status is whatever is asked', async () => {
      await fault({ do: 'refuse' });
      await fault({ do: 'status', status: 502, body: '<html>' });
      expect((await create()).text).toBe('21452');
      expect((await create()).status).toBe(502);
      expect((await create()).status).toBe(200);
    });

    it('hits a number of times after skipping some, counts, and can be cleared', async () => {
      const { id } = await fault({ do: 'status', match: { path: 'numbers.list' }, skip: 1, times: 2 });
      const statuses = [];
      for (let count = 0; count < 3; count += 1) statuses.push((await world.get('/IncomingPhoneNumbers.json')).status);
      expect(statuses).toEqual([200, 503, 503]);
      expect(await client.faults()).toEqual([expect.objectContaining({ id, hits: 2, matched: 3 })]);
      await client.clearFaults();
      expect(await client.faults()).toEqual([]);
    });

    it('matches by method, by a pattern on the path, and by number however written', async () => {
      await fault({
        do: 'status',
        match: { method: 'POST', path: '/IncomingPhoneNumbers', number: '+1 201 201 0580' },
      });
      expect((await world.get('/IncomingPhoneNumbers.json')).status).toBe(200);
      expect((await world.post('/IncomingPhoneNumbers.json', { PhoneNumber: '1', isSIP: 'true' })).status).toBe(200);
      expect((await create()).status).toBe(503);
    });

    it('vanish removes the number just before it is updated', async () => {
      const sid = await world.register(PHONE);
      await fault({ do: 'vanish', match: { path: 'numbers.update' } });
      expect((await world.post(`/IncomingPhoneNumbers/${sid}.json`, { SmsUrl: '' })).status).toBe(404);
      expect(await held()).toBe(0);
    });

    it('duplicate sends a message twice', async () => {
      await fault({ do: 'duplicate', match: { path: 'messages.send' } });
      await world.post('/SMS/Messages.json', { From: PHONE, To: '12015550123', Body: 'hi' });
      expect(await client.messages({ to: '12015550123' })).toHaveLength(2);
    });

    it('wrong-charset answers in ISO-8859-1 without saying so', async () => {
      await fault({ do: 'wrong-charset', match: { path: 'messages.send' } });
      const answer = await world.post('/SMS/Messages.json', { From: PHONE, To: '12015550123', Body: 'né' });
      expect(answer.json.body).toBe('n\uFFFD');
    });

    it('reorder holds an inbound webhook back until the next has been posted', async () => {
      const receiver = await Receiver.start();
      await client.putApplication(world.account.sid, 'UnitySmsConnector', { rcml_url: receiver.url });
      await world.register(PHONE, { SmsApplicationSid: world.appSid });
      await fault({ do: 'reorder', match: { path: 'inbound.webhook' } });
      for (const body of ['first', 'second']) await client.inbound({ to: PHONE, from: '12015550199', body });
      expect(receiver.received.map((one) => one.form.get('Body'))).toEqual(['second', 'first']);
      await receiver.stop();
    });

    it('strikes Message Exchange too, and refuses what is no fault', async () => {
      await client.addFault({ carrier: 'message-exchange', match: { path: 'exchange.add' }, do: 'refuse' });
      expect((await world.enable(PHONE)).json.error.code).toBe('NOT_ELIGIBLE');
      await expect(fault({ do: 'explode' as 'refuse' })).rejects.toThrow("Unknown fault 'explode'");
    });
  });

  it('journals what reached the carriers, without credentials', async () => {
    await create();
    await create();
    await world.teleapi('/user/dids/get', { number: '2012010580' });
    const creates = await client.requests({ operation: 'numbers.create', number: '2012010580' });
    expect(creates.map((entry) => entry.status)).toEqual([200, 400]);
    expect(creates[0]!.body).toContain(`PhoneNumber=${PHONE}`);
    const since = await client.requests({ since: creates[1]!.seq });
    expect(since.map((entry) => entry.operation)).toEqual(['exchange.lookup']);
    const everything = JSON.stringify(await client.requests());
    expect(everything).not.toContain(world.account.token);
    expect(everything).not.toContain(world.account.meToken);
  });

  it('sets the state of a number and of a job at Message Exchange', async () => {
    const { accountSid } = { accountSid: world.account.sid };
    await client.setExchangeNumber(PHONE, { accountSid, status: 'failed', reason: 'Said so' });
    expect((await world.exchange('GET', `/numbers/${PHONE}`)).json).toMatchObject({
      status: 'failed',
      failureReason: 'Said so',
    });
    const { jobId } = (await world.enable('12012010581')).json;
    await client.setExchangeJob(jobId, { status: 'failed', reason: 'Line is fax' });
    expect(await client.exchangeNumber('2012010581')).toMatchObject({
      failureReason: 'Line is fax',
      job: { status: 'failed' },
    });
  });

  it('drives a batch of inbound messages and counts what was delivered', async () => {
    const receiver = await Receiver.start();
    await client.putApplication(world.account.sid, 'UnitySmsConnector', { rcml_url: receiver.url });
    await world.register(PHONE, { SmsApplicationSid: world.appSid });
    const result = await client.inboundBatch({ to: [PHONE], from: ['12015550199'], count: 50, listSids: true });
    expect(result).toMatchObject({ sent: 50, delivered: 50, failed: 0 });
    expect(new Set(receiver.received.map((one) => one.form.get('SmsSid')))).toEqual(new Set(result.smsSids));
    await receiver.stop();
  });

  it('answers what it does not know with 404, and wrong input with 400', async () => {
    await expect(client.inbound({ to: '19995550000', from: '1', body: '' })).rejects.toMatchObject({ status: 404 });
    await expect(client.switches({ nonsense: true } as object)).rejects.toMatchObject({ status: 400 });
    expect(await client.account(`AC${'9'.repeat(32)}`)).toBeUndefined();
    expect((await ask(`${world.twins.url}/control/nonsense`)).status).toBe(404);
    expect((await ask(`${world.twins.url}/message-exchange/v1/numbers/%E0%A4%A`)).status).toBe(400);
  });

  it('remembers a bounded number of messages: the oldest go', async () => {
    const small = await TwinsWorld.start({ maxMessages: 2 });
    const sids: string[] = [];
    for (const to of ['1', '2', '3']) {
      sids.push((await small.post('/SMS/Messages.json', { From: PHONE, To: to, Body: 'hi' })).json.sid);
    }
    expect((await small.get('/SMS/Messages.json')).json.total).toBe(2);
    expect((await small.get(`/SMS/Messages/${sids[0]}.json`)).status).toBe(404);
    await small.stop();
  });

  it('forgets everything but the seeded accounts at a reset', async () => {
    await create();
    await client.reset();
    expect(await client.state()).toMatchObject({ numbers: 0, messages: 0, accounts: { length: 3 } });
  });

  it('shows a page for people, without tokens', async () => {
    await create();
    const page = await ask(`${world.twins.url}/`);
    expect(page.text).toContain(PHONE);
    expect(page.text).not.toContain(world.account.token);
  });
});

describe('state file', () => {
  it('brings accounts, numbers, messages, jobs and the clock back', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'twins-'));
    const stateFile = join(folder, 'state.json');
    try {
      const before = await TwinsWorld.start({ stateFile });
      const { sid: accountSid } = before.account;
      await before.register(PHONE, { SmsApplicationSid: before.appSid });
      await before.post('/SMS/Messages.json', { From: PHONE, To: '12015550123', Body: 'kept' });
      await before.enable(PHONE);
      await before.control.clock({ advanceMs: 86_400_000 });
      await before.stop();

      const after = await startTwins({ stateFile });
      expect(await after.control.account(accountSid)).toMatchObject({ token: before.account.token, numbers: 1 });
      expect(await after.control.messages({ accountSid })).toEqual([expect.objectContaining({ body: 'kept' })]);
      expect(await after.control.exchangeNumber(PHONE)).toMatchObject({ status: 'enabled' });
      expect((await after.control.clock()).offsetMs).toBeGreaterThan(86_000_000);
      await after.stop();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('of version 1, from before the twins were kept apart, is still read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'twins-'));
    const stateFile = join(folder, 'state.json');
    try {
      const before = await TwinsWorld.start({ stateFile });
      await before.register(PHONE);
      await before.enable(PHONE);
      await before.control.switches({ deleteStatus: 200 });
      await before.control.exchangeSwitches({ jobDelayMs: 1 });
      await before.stop();
      const { clockOffsetMs, twins } = JSON.parse(await readFile(stateFile, 'utf8'));
      const [restcomm, exchange] = [twins.restcomm, twins['message-exchange']];
      const switches = { ...restcomm.switches, ...exchange.switches };
      const version1 = { version: 1, clockOffsetMs, switches, ...restcomm.store, exchange: exchange.store };
      await writeFile(stateFile, JSON.stringify(version1));

      const after = await startTwins({ stateFile });
      expect(await after.control.numbers({ phone: PHONE })).toHaveLength(1);
      expect(await after.control.exchangeNumber(PHONE)).toMatchObject({ accountSid: before.account.sid });
      expect(await after.control.switches()).toMatchObject({ deleteStatus: 200 });
      expect(await after.control.call('GET', '/message-exchange/switches')).toMatchObject({ jobDelayMs: 1 });
      await after.stop();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
