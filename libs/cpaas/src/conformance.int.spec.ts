import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  APPLICATION_NAME,
  DEMO_ACCOUNT,
  NO_APP_ACCOUNT,
  type RunningTwins,
  startTwins,
  SUSPENDED_ACCOUNT,
} from '@strowger/carrier-twins';
import { messageExchange } from './exchange/index.js';
import { CarrierHttp } from './http.js';
import { parseHook } from './hooks.js';
import type { HookRequest, MessageExchangeProfile, PlatformAccess } from './port.js';
import { restcomm } from './restcomm/adapter.js';
import {
  type CarrierWorld,
  conformsToCarrierPort,
  conformsToMessageExchangePort,
  errorOf,
  type ExchangeWorld,
} from './testing.js';

const TIMES = { connectMs: 1000, readMs: 400, retryMs: 1 };
/** 4000 and up: no scenario of the twins' hangs on these last digits. */
let next = 4000;
const newNumber = (): string => `+1201201${next++}`;

/** A webhook receiver that answers what `parseHook` says, as ingestion would. */
async function hookReceiver() {
  const hooks: HookRequest[] = [];
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const hook: HookRequest = {
        method: request.method ?? '',
        contentType: request.headers['content-type'],
        query: new URL(request.url ?? '/', 'http://x').search.slice(1),
        rawBody: Buffer.concat(chunks),
        receivedAt: new Date(),
      };
      const { reply } = parseHook('restcomm', hook);
      response.writeHead(reply.status, { 'content-type': reply.contentType }).end(reply.body);
      hooks.push(hook);
      for (const look of waiting) look();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    hooks,
    hookUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/restcomm/token`,
    hook: (wanted: (request: HookRequest) => boolean) =>
      new Promise<HookRequest>((resolve) => {
        const look = () => {
          const found = hooks.find(wanted);
          if (!found) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const accessOf = (twins: RunningTwins, account: { sid: string; token: string }): PlatformAccess => ({
  kind: 'restcomm',
  baseUrl: twins.restcommUrl,
  accountSid: account.sid,
  authToken: account.token,
});

async function restcommWorld(): Promise<CarrierWorld & { twins: RunningTwins }> {
  const twins = await startTwins({ sentDelayMs: 1, deliveredDelayMs: 5 });
  const receiver = await hookReceiver();
  await twins.control.putApplication(DEMO_ACCOUNT.sid, APPLICATION_NAME, { rcml_url: receiver.hookUrl, kind: 'sms' });
  const port = restcomm(TIMES);
  const operations = { register: 'numbers.create', send: 'messages.send', verify: 'applications.list' };
  return {
    ...receiver,
    twins,
    port,
    access: accessOf(twins, DEMO_ACCOUNT),
    wrongSecret: accessOf(twins, { ...DEMO_ACCOUNT, token: 'wrong' }),
    suspended: accessOf(twins, SUSPENDED_ACCOUNT),
    withoutApplication: accessOf(twins, NO_APP_ACCOUNT),
    newNumber,
    putForeignNumber: async (e164) => {
      await twins.control.putNumber({
        accountSid: DEMO_ACCOUNT.sid,
        phone_number: e164.slice(2),
        friendly_name: 'Reception',
        voice_url: 'https://voice.example/main',
        sms_url: 'https://elsewhere.example/sms',
        voice_caller_id_lookup: true,
      });
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
      await port.close();
      await receiver.close();
      await twins.stop();
    },
  };
}

conformsToCarrierPort('Restcomm', restcommWorld);

describe('Restcomm of other releases (carrier-restcomm §10)', () => {
  let world: Awaited<ReturnType<typeof restcommWorld>>;
  beforeAll(async () => {
    world = await restcommWorld();
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
    const access = { ...world.access, baseUrl: `${world.twins.url}/api/2012-04-24/` };
    const e164 = newNumber();
    const { sid } = await world.port.registerNumber(access, e164);
    await world.port.bindNumber(access, sid);
    expect(await world.port.findNumber(access, e164)).toMatchObject({ sid });
    await world.port.removeNumber(access, sid);
  });

  it('marks a text the platform cut', async () => {
    await world.twins.control.switches({ normaliseAndTruncate: true });
    const access: PlatformAccess = { ...world.access, longMessages: 'passthrough' };
    const sent = await world.port.sendMessage(access, { from: newNumber(), to: '+12015550123', body: 'z'.repeat(200) });
    expect(sent).toMatchObject({ truncated: true, body: 'z'.repeat(159) });
  });

  it('waits a minute after SMS_LIMIT_EXCEEDED', async () => {
    await world.twins.control.switches({ smsLimitExceeded: true });
    const error = await errorOf(
      world.port.sendMessage(world.access, { from: newNumber(), to: '+12015550123', body: 'x' }),
    );
    expect(error).toMatchObject({ kind: 'rate-limited', retryAfterSeconds: 60 });
  });

  it('is unavailable, not wrong, while every page is an error page', async () => {
    await world.twins.control.switches({ html500: true });
    expect((await errorOf(world.port.verify(world.access))).code).toBe('platform-unavailable');
  });

  it.each(['json', 'form-latin1', 'get'] as const)(
    'can be read through a connector application: %s',
    async (connectorMode) => {
      const e164 = newNumber();
      const { sid } = await world.port.registerNumber(world.access, e164);
      await world.port.bindNumber(world.access, sid);
      const { smsSid, delivered } = await world.twins.control.inbound({
        to: e164,
        from: '+12015550123',
        body: 'café 😀',
        connectorMode,
      });
      expect(delivered).toBe(true);
      const hook = await world.hook(({ rawBody, query }) => `${query}${rawBody.toString('latin1')}`.includes(smsSid));
      const [fact] = parseHook('restcomm', hook).facts;
      expect(fact).toMatchObject({ carrierMessageId: smsSid, from: '+12015550123', to: e164 });
      // ISO-8859-1 loses the emoji: flagged, and undamaged at the carrier.
      if (connectorMode === 'form-latin1') expect(fact).toMatchObject({ suspectEncoding: true });
      else expect(fact).toMatchObject({ text: 'café 😀' });
      expect(await world.port.readMessage(world.access, smsSid)).toMatchObject({ text: 'café 😀' });
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
