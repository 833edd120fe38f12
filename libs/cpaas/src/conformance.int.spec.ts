import { APPLICATION_NAME, DEMO_ACCOUNT, NO_APP_ACCOUNT, startTwins, SUSPENDED_ACCOUNT } from '@strowger/carrier-twins';
import type { CarrierAccess } from './carrier.js';
import { messageExchange } from './exchange/index.js';
import type { MessageExchangeProfile } from './exchange/port.js';
import { CarrierHttp } from './http.js';
import { accessOf, type Restcomm } from './restcomm/adapter.js';
import { RestcommCredentials } from './restcomm/credentials.js';
import { restcommHook } from './restcomm/hook.js';
import { restcomm } from './restcomm/index.js';
import { conformsToMessageExchangePort, type ExchangeWorld } from './testing/exchange-kit.js';
import { hookReceiver } from './testing/hook-receiver.fixtures.js';
import { type CarrierWorld, conformsToCarrierPort, errorOf } from './testing/kit.js';

const TIMES = { connectMs: 1000, readMs: 400, retryMs: 1 };
/** 4000 and up: no scenario of the twins' hangs on these last digits. */
let next = 4000;
const newNumber = (): string => `+1201201${next++}`;

async function restcommWorld() {
  const twins = await startTwins({ sentDelayMs: 1, deliveredDelayMs: 5 });
  const receiver = await hookReceiver(restcomm, DEMO_ACCOUNT.sid);
  await twins.control.putApplication(DEMO_ACCOUNT.sid, APPLICATION_NAME, { rcml_url: receiver.hookUrl, kind: 'sms' });
  const api = restcomm.connect(TIMES);
  const accessTo = ({ sid, token }: { sid: string; token: string }): CarrierAccess => {
    const credentials = Object.assign(new RestcommCredentials(), { account: sid, secret: token });
    return { baseUrl: twins.restcommUrl, credentials, settings: {}, api };
  };
  const operations = { register: 'numbers.create', send: 'messages.send', verify: 'applications.list' };
  const world: CarrierWorld = {
    ...receiver,
    carrier: restcomm,
    access: accessTo(DEMO_ACCOUNT),
    wrongSecret: accessTo({ ...DEMO_ACCOUNT, token: 'wrong' }),
    unusable: {
      'platform-account-suspended': accessTo(SUSPENDED_ACCOUNT),
      'connector-application-missing': accessTo(NO_APP_ACCOUNT),
    },
    newNumber,
    heldFor: async (e164) => {
      const [held] = await twins.control.numbers({ accountSid: DEMO_ACCOUNT.sid, phone: e164.slice(2) });
      return held ?? null;
    },
    loseAnswer: async (operation, effect) => {
      await twins.control.addFault({
        carrier: 'restcomm',
        match: { path: operations[operation] },
        do: `timeout-${effect}`,
      });
    },
    receive: async (message) => (await twins.control.inbound(message)).smsSid,
    close: async () => {
      await api.close();
      await receiver.close();
      await twins.stop();
    },
  };
  return { ...world, twins };
}

conformsToCarrierPort(restcomm, restcommWorld);

describe('Restcomm numbers, call by call (carrier-restcomm §3)', () => {
  let world: Awaited<ReturnType<typeof restcommWorld>>;
  let calls: Restcomm['api'];
  let access: ReturnType<typeof accessOf>;
  beforeAll(async () => {
    world = await restcommWorld();
    const own = world.access as Restcomm;
    calls = own.api;
    access = accessOf(own);
  });
  afterAll(() => world.close());

  async function provisioned(): Promise<{ e164: string; sid: string }> {
    const e164 = world.newNumber();
    const { sid } = await calls.registerNumber(access, e164);
    await calls.bindNumber(access, sid);
    return { e164, sid };
  }

  it('finds nothing where nothing is', async () => {
    expect(await calls.findNumber(access, world.newNumber())).toBeNull();
  });
  it('registers, binds, finds and reads a number', async () => {
    const { e164, sid } = await provisioned();
    const { applicationSid } = await calls.verify(access);
    expect(await calls.findNumber(access, e164)).toMatchObject({ sid, applicationSid });
    expect(await calls.readNumber(access, sid)).toMatchObject({ sid, applicationSid });
  });
  it('refuses to register a number twice', async () => {
    const { e164 } = await provisioned();
    expect(await errorOf(calls.registerNumber(access, e164))).toMatchObject({ kind: 'conflict' });
  });
  it('says that a lost registration may have worked, and can look', async () => {
    for (const effect of ['after', 'before'] as const) {
      const e164 = world.newNumber();
      await world.loseAnswer('register', effect);
      expect(await errorOf(calls.registerNumber(access, e164))).toMatchObject({ outcome: 'unknown' });
      expect((await calls.findNumber(access, e164)) !== null).toBe(effect === 'after');
    }
  });
  it('takes over a number that was there, and puts it back as it was', async () => {
    const e164 = world.newNumber();
    await world.twins.control.putNumber({
      accountSid: DEMO_ACCOUNT.sid,
      phone_number: e164.slice(2),
      friendly_name: 'Reception',
      voice_url: 'https://voice.example/main',
      sms_url: 'https://elsewhere.example/sms',
      voice_caller_id_lookup: true,
    });
    const before = await calls.findNumber(access, e164);
    await calls.bindNumber(access, before!.sid);
    await calls.restoreNumber(access, before!.sid, before!.snapshot);
    expect(await calls.readNumber(access, before!.sid)).toMatchObject({
      applicationSid: before!.applicationSid,
      snapshot: before!.snapshot,
    });
  });
  it('unbinds a number and leaves it there', async () => {
    const { sid } = await provisioned();
    await calls.unbindNumber(access, sid);
    expect(await calls.readNumber(access, sid)).toMatchObject({ applicationSid: null });
  });
  it('removes a number, twice', async () => {
    const { e164, sid } = await provisioned();
    await calls.removeNumber(access, sid);
    await calls.removeNumber(access, sid);
    expect(await calls.findNumber(access, e164)).toBeNull();
    expect(await calls.readNumber(access, sid)).toBeNull();
  });
  it('says that a number to bind is gone', async () => {
    const { sid } = await provisioned();
    await calls.removeNumber(access, sid);
    expect(await errorOf(calls.bindNumber(access, sid))).toMatchObject({ kind: 'not-found' });
  });
});

describe('Restcomm of other releases (carrier-restcomm §10)', () => {
  let world: Awaited<ReturnType<typeof restcommWorld>>;
  let calls: Restcomm['api'];
  let own: ReturnType<typeof accessOf>;
  beforeAll(async () => {
    world = await restcommWorld();
    const access = world.access as Restcomm;
    calls = access.api;
    own = accessOf(access);
  });
  afterAll(async () => {
    await world.close();
  });
  afterEach(async () => {
    await world.twins.control.switches({
      bareNumberList: false,
      deleteStatus: 204,
      normaliseAndTruncate: false,
      racyPaging: false,
      html500: false,
      smsLimitExceeded: false,
    });
  });

  it('is provisioned with a bare number list, wrong paging fields, 200 for a removal and the other base path', async () => {
    await world.twins.control.switches({ bareNumberList: true, racyPaging: true, deleteStatus: 200 });
    const access = { ...own, baseUrl: `${world.twins.url}/api/2012-04-24/` };
    const e164 = newNumber();
    const { sid } = await calls.registerNumber(access, e164);
    await calls.bindNumber(access, sid);
    expect(await calls.findNumber(access, e164)).toMatchObject({ sid });
    await calls.removeNumber(access, sid);
  });

  it('marks a text the platform cut', async () => {
    await world.twins.control.switches({ normaliseAndTruncate: true });
    const access = { ...own, longMessages: 'passthrough' as const };
    const sent = await calls.sendMessage(access, { from: newNumber(), to: '+12015550123', body: 'z'.repeat(200) });
    expect(sent).toMatchObject({ truncated: true, body: 'z'.repeat(159) });
  });

  it('waits a minute after SMS_LIMIT_EXCEEDED', async () => {
    await world.twins.control.switches({ smsLimitExceeded: true });
    const error = await errorOf(calls.sendMessage(own, { from: newNumber(), to: '+12015550123', body: 'x' }));
    expect(error).toMatchObject({ kind: 'rate-limited', retryAfterSeconds: 60 });
  });

  it('is unavailable, not wrong, while every page is an error page', async () => {
    await world.twins.control.switches({ html500: true });
    expect((await errorOf(calls.verify(own))).code).toBe('platform-unavailable');
  });

  it.each(['json', 'form-latin1', 'get'] as const)(
    'can be read through a connector application: %s',
    async (connectorMode) => {
      const e164 = newNumber();
      const { sid } = await calls.registerNumber(own, e164);
      await calls.bindNumber(own, sid);
      const { smsSid, delivered } = await world.twins.control.inbound({
        to: e164,
        from: '+12015550123',
        body: 'café 😀',
        connectorMode,
      });
      expect(delivered).toBe(true);
      const hook = await world.hook(({ rawBody, query }) => `${query}${rawBody.toString('latin1')}`.includes(smsSid));
      const [fact] = restcommHook.read(hook).facts;
      expect(fact).toMatchObject({ carrierMessageId: smsSid, from: '+12015550123', to: e164 });
      // ISO-8859-1 loses the emoji: flagged, and undamaged at the carrier.
      if (connectorMode === 'form-latin1') expect(fact).toMatchObject({ suspectEncoding: true });
      else expect(fact).toMatchObject({ text: 'café 😀' });
      expect(await calls.readMessage(own, smsSid)).toMatchObject({ text: 'café 😀' });
    },
  );
});

async function exchangeWorld(profile: MessageExchangeProfile): Promise<ExchangeWorld> {
  const twins = await startTwins();
  const http = new CarrierHttp(TIMES);
  const baseUrl = profile === 'canonical' ? twins.exchangeUrl : twins.teleapiUrl;
  return {
    exchange: messageExchange({ profile, baseUrl, token: DEMO_ACCOUNT.meToken }, http),
    wrongToken: messageExchange({ profile, baseUrl, token: 'nobody-gave-this-out' }, http),
    newNumber,
    refusedNumber: '+12012010000',
    settle: async (number, status, reason) => {
      const held = await twins.control.exchangeNumber(number);
      await twins.control.setExchangeNumber(number, {
        status,
        ...(reason ? { reason } : {}),
        jobId: held?.jobId ?? null,
      });
    },
    loseAdd: async (effect) => {
      await twins.control.addFault({
        carrier: 'message-exchange',
        match: { path: 'exchange.add' },
        do: `timeout-${effect}`,
      });
    },
    close: async () => {
      await http.close();
      await twins.stop();
    },
  };
}

conformsToMessageExchangePort('The canonical profile', () => exchangeWorld('canonical'));
conformsToMessageExchangePort('The TeleAPI profile', () => exchangeWorld('teleapi'));
