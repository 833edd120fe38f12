import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PortalApi, until } from '@strowger/api-client';
import { twinsClient, type TwinsControl } from '@strowger/carrier-twins';
import type { NumberView, PlatformView } from '@strowger/contracts-provisioning';
import type { MessageView, QuarantinedView } from '@strowger/contracts-routing';
import type { Stack } from '../../../tools/setup/stack.ts';
import { FollowingClient } from './client.fixtures.js';
import { BackOffice } from './soap.fixtures.js';
import { OldInstallation, type Conversation, type Send, type Thread } from './upgrade.fixtures.js';
import { e2e, MINUTES, persist } from './world.fixtures.js';

/** Recorded by `tools/verify/upgrade/record.mjs`. */
const old = new OldInstallation(fileURLToPath(new URL('../fixtures/upgrade/0.1.0.json.gz', import.meta.url)));

const stack = e2e(
  'upgrade',
  29_000,
  () => ({ provisioning: { MESSAGE_EXCHANGE_REMOVE_ON_RELEASE: 1 } }),
  (home) => {
    old.keepSecrets(home);
    return takeOver;
  },
);

/** Carriers go on while everything behind ingestion is being migrated and started. */
async function takeOver(servers: Stack): Promise<void> {
  await old.restore(servers);
  await Promise.all((['ingestion', 'mail-sink'] as const).map((service) => servers.startService(service)));
  // Before them nobody would hear what it reports about messages that it had taken.
  await servers.startService('carrier-twins');
  carriers = new Carriers(old.truths.threads);
}
let carriers: Carriers;

const platformOf = ({ platform }: { platform: string }) => old.truths.platforms.find(({ name }) => name === platform)!;

/** Further texts in the old threads, at the old addresses: each until it is answered 2xx, and only then the next. */
class Carriers {
  private stopping = false;
  private readonly lanes: Promise<void>[];

  constructor(threads: readonly Thread[]) {
    // STOP is the last a carrier brings of somebody who has said it.
    const going = threads.filter(({ texts }) => texts.length > 1);
    this.lanes = going.map((thread) => this.lane(thread));
    for (const lane of this.lanes) lane.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.lanes);
  }

  private async lane(thread: Thread): Promise<void> {
    const { account, webhookUrls } = platformOf(thread);
    for (let n = 1; !this.stopping; n += 1) {
      const [carrierMessageId, text] = [`SMnew${thread.remote.slice(1)}${n}`, `since then ${n}`];
      const body = new URLSearchParams({
        SmsSid: carrierMessageId,
        AccountSid: account,
        From: thread.remote.slice(1),
        To: thread.number.slice(1),
        Body: text,
      });
      const url = webhookUrls[n % webhookUrls.length]!;
      const response = await fetch(url, { method: 'POST', body, signal: AbortSignal.timeout(6000) });
      expect(`${text}: ${response.status}`).toBe(`${text}: 200`);
      thread.texts.push({ carrierMessageId, text });
      await pause(100);
    }
  }
}

describe('an installation of version 0.1.0, stopped in the middle of its work and started as this version', () => {
  let admin: PortalApi;
  let twins: TwinsControl;
  const clients = new Map<string, { api: PortalApi; feed: FollowingClient }>();
  const clientOf = async (userId: string) => {
    const known = clients.get(userId);
    if (known) return known;
    const { clientToken } = await admin.post<{ clientToken: string }>(`/v1/users/${userId}/client-tokens`);
    const feed = new FollowingClient(stack.world.addresses.gatewayUrl, clientToken);
    const client = { api: admin.as(clientToken), feed };
    clients.set(userId, client);
    return client;
  };

  beforeAll(async () => {
    const { gatewayUrl, twinsUrl } = stack.world.addresses;
    const { email, password } = old.truths.tenant.admin;
    twins = twinsClient(twinsUrl);
    admin = await persist(() => PortalApi.signIn(gatewayUrl, email, password));
  }, MINUTES);
  afterAll(async () => {
    await Promise.all([...clients.values()].map(({ feed }) => feed.stop()));
  });

  stack.holds('its people, programs and back offices come in as before', async (world) => {
    const { gatewayUrl, soapUrl } = world.addresses;
    const { providerId, cookie, apiKey, robot } = old.truths.tenant;
    const renewed = await fetch(`${gatewayUrl}/v1/sessions/refresh`, { method: 'POST', headers: { cookie } });
    expect(renewed.status).toBe(200);
    const { items } = await admin.as(apiKey).get<{ items: { id: string }[] }>('/v1/users');
    expect(items.map(({ id }) => id)).toEqual(expect.arrayContaining(old.truths.users.map(({ id }) => id)));
    const login = { loginUserName: robot.userName, loginPassword: robot.password };
    await new BackOffice(soapUrl, login, robot.serverHostName).must('GetLicenseTypes');
    expect(await admin.get(`/v1/system-providers/${providerId}`)).toMatchObject({ name: 'North' });
  });

  stack.holds('its platforms’ credentials are sealed as one, and still open the carriers', async (world) => {
    expect(await world.sql('select id from provisioning.platform where credentials is null')).toEqual([]);
    const masked = (secret: string) => `${secret.slice(0, 2)}.....${secret.slice(-2)}`;
    for (const { id, name, account, secret, messageExchangeToken, webhookUrls } of old.truths.platforms) {
      const { credentials, credentialsState, webhookUrl } = await admin.post<PlatformView>(
        `/v1/platforms/${id}/verify`,
      );
      expect(credentials).toEqual({
        account: masked(account),
        secret: masked(secret),
        ...(messageExchangeToken && {
          messageExchangeToken: masked(messageExchangeToken),
          messageExchangeProfile: name === 'teleapi' ? 'teleapi' : 'canonical',
        }),
      });
      expect({ credentialsState, webhookUrl }).toEqual({ credentialsState: 'working', webhookUrl: webhookUrls.at(-1) });
    }
  });

  stack.holds('what was answered gets the same answer again, and what was not is done once', async () => {
    for (const { userId, key, id, ...send } of old.truths.answered)
      expect(await repeat(userId, key, send)).toMatchObject({ id });
    for (const { userId, key, ...send } of old.truths.unanswered) {
      const first = await repeat(userId, key, send);
      expect(await repeat(userId, key, send)).toMatchObject({ id: first.id });
    }
  });

  const repeat = async (userId: string, key: string, send: Omit<Send, 'userId' | 'key'>): Promise<MessageView> => {
    const { api } = await clientOf(userId);
    return persist(() => api.post<MessageView>('/v1/client/messages', send, { 'idempotency-key': key }));
  };

  stack.holds('new work goes beside the old: a text in each conversation, a number on each platform', async () => {
    for (const conversation of old.truths.conversations) {
      const { userId, number: from, remote: to, texts } = conversation;
      const { api } = await clientOf(userId);
      const text = 'sent by the version that came after';
      await persist(() => api.post('/v1/client/messages', { from, to, text }, { 'idempotency-key': `after-${to}` }));
      texts.push({ text, parts: [text] });
    }
    const { id } = old.truths.users[0]!;
    await Promise.all(
      old.truths.platforms.map(async (platform, at) => {
        const ten = `201300${1000 + at}`;
        await persist(() =>
          admin.post(
            `/v1/users/${id}/numbers`,
            { number: ten, platformId: platform.id },
            { 'idempotency-key': `new-${ten}`, prefer: 'wait=3' },
          ),
        );
        old.truths.numbers.push({ ten, platform: platform.name, from: 'new', becomes: 'active' });
      }),
    );
  });

  stack.holds('every number comes to its end, and the carrier holds what we show', async (world) => {
    const expected = Object.fromEntries(
      old.truths.numbers.map(({ ten, from, becomes }) => [`${ten} ${from}`, becomes]),
    );
    const now = async () => {
      const rows = await world.sql('select e164, state from provisioning.cpaas_number order by created_at');
      const states = new Map(rows.map(({ e164, state }) => [String(e164).slice(2), state]));
      return Object.fromEntries(old.truths.numbers.map(({ ten, from }) => [`${ten} ${from}`, states.get(ten)]));
    };
    await until(
      'the numbers’ ends',
      async () => JSON.stringify(await now()) === JSON.stringify(expected),
      MINUTES,
    ).catch(() => undefined);
    expect(await now()).toEqual(expected);
    await until(
      'the last being taken off Message Exchange',
      async () => (await world.sql('select 1 from provisioning.exchange_removal')).length === 0,
      MINUTES,
    );
    for (const { ten, platform, becomes } of old.truths.numbers)
      if (becomes === 'released')
        expect([ten, await twins.exchangeNumber(ten, platformOf({ platform }).account)]).toEqual([ten, undefined]);
  });

  stack.holds('every text accepted by either version reaches its user once and in order', async (world) => {
    await carriers.stop();
    const expected = (userId: string) =>
      Object.fromEntries(
        old.truths.threads
          .filter((thread) => thread.userId === userId)
          .map(({ remote, texts }) => [remote, texts.map(({ text }) => text)]),
      );
    for (const { id: userId } of old.truths.users) {
      const { feed } = await clientOf(userId);
      const shown = () => Object.fromEntries(feed.threads());
      await until(
        'the feed being complete',
        async () => Object.values(shown()).flat().length >= Object.values(expected(userId)).flat().length,
        MINUTES,
      ).catch(() => undefined);
      expect(shown()).toEqual(expected(userId));
      const ids = feed.created.map(({ id }) => id);
      expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
    }
    const delivered = old.truths.threads.filter(({ listedOnly }) => !listedOnly);
    await world.booksAgree(delivered.flatMap(({ texts }) => texts));
  });

  stack.holds(
    'every text of a user is at the carrier once, in the parts it was to be sent in, and in order',
    async () => {
      for (const conversation of old.truths.conversations) {
        const { remote, texts } = conversation;
        expect([remote, await atCarrier(conversation)]).toEqual([remote, texts.flatMap(({ parts }) => parts)]);
      }
    },
  );

  const atCarrier = async ({ remote, platform }: Pick<Conversation, 'remote' | 'platform'>): Promise<string[]> => {
    const { account: accountSid } = platformOf({ platform });
    const sent = await twins.messages({ accountSid, to: remote, direction: 'outbound', limit: 10_000 });
    // The carrier lists the newest first.
    return sent.map(({ body }) => body).reverse();
  };

  stack.holds('somebody who wrote STOP before has one answer, and is sent nothing more', async () => {
    const stopped = old.truths.threads.filter(({ texts }) => texts[0]!.text === 'STOP');
    expect(stopped).toHaveLength(2);
    for (const thread of stopped) {
      expect(await atCarrier(thread)).toEqual([expect.stringContaining('unsubscribed')]);
      const { api } = await clientOf(thread.userId!);
      const send = { from: thread.number, to: thread.remote, text: 'Are you sure?' };
      const key = { 'idempotency-key': `stopped-${thread.remote}` };
      expect(await api.refusal(api.post('/v1/client/messages', send, key))).toMatchObject({ code: 'OPTED_OUT' });
    }
  });

  stack.holds('what could not be routed is still kept, and still says why', async () => {
    const { items } = await admin.get<{ items: QuarantinedView[] }>('/v1/quarantine');
    expect(items.map(({ reason, to }) => [reason, to]).sort()).toEqual([
      ['number-unknown', '+12015559999'],
      ['unreadable', undefined],
    ]);
    for (const { id } of items)
      expect(await admin.refusal(admin.post(`/v1/quarantine/${id}/replay`))).toMatchObject({
        code: 'QUARANTINE_NOT_RELEASABLE',
      });
  });

  stack.holds('news that people were to receive is mailed once', async (world) => {
    const response = await fetch(`${world.addresses.mailUrl}/api/messages`);
    const mails = (await response.json()) as { text: string }[];
    const times = old.truths.mailed.map((ten) => mails.filter(({ text }) => text.includes(ten)).length);
    expect(times).toEqual(old.truths.mailed.map(() => 1));
  });

  stack.holds('and every license balance is what its ledger says', async (world) => {
    expect(await world.licenseDifferences()).toEqual([]);
  });

  stack.holds('what it counted as active is shown as such', async () => {
    for (const { id, number } of old.truths.users)
      if (number) {
        const shown = await admin.get<NumberView>(`/v1/numbers/${number.id}`);
        expect(shown).toMatchObject({ e164: number.e164, state: 'active', owner: { id } });
      }
  });
});
