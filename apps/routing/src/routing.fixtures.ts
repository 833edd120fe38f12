import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startTwins, type AccountView, type FaultInput } from '@strowger/carrier-twins';
import { loadConfig, ServiceConfig } from '@strowger/config';
import { MessagingEntitlementChangedV1 } from '@strowger/contracts-hierarchy';
import { DeliveryReceivedV1, type HookFact } from '@strowger/contracts-ingestion';
import { NumberActivatedV1, NumberReleasedV1, PlatformSavedV1 } from '@strowger/contracts-provisioning';
import {
  pushSubject,
  routingRpc,
  type ClientFrame,
  type MessageView,
  type SyncView,
} from '@strowger/contracts-routing';
import { carrierOf } from '@strowger/cpaas';
import { startService, type RunningService } from '@strowger/http';
import { Jobs, Timers } from '@strowger/jobs';
import {
  newId,
  PLATFORM_SCOPE,
  SecretBox,
  type Actor,
  type AppError,
  type CloudEvent,
  type EventClass,
  type RpcContract,
  type TenantScope,
} from '@strowger/kernel';
import { Messaging, Publisher } from '@strowger/messaging';
import { Db, migrate, sql } from '@strowger/persistence';
import { Rpc } from '@strowger/rpc';
import { eventually, servers, testDatabase, testNats, testRedisUrl } from '@strowger/testing';
import { SenderService } from './outbound/sender.service.js';
import { AppModule, SERVICE } from './app.module.js';
import { RoutingConfig } from './config.js';
import { hierarchyStub, Tree } from './hierarchy-stub.fixtures.js';
import { MIGRATIONS } from './migrations/index.js';
import { Accesses, provisioningStub } from './provisioning-stub.fixtures.js';

export const REMOTE = '+12015550199';
const KEYRING = `spec:${randomBytes(32).toString('base64')}`;
const ACTOR: Actor = { kind: 'system', id: 'spec', name: 'spec' };

/** What a call was refused with. Fails the test when it was not. */
export async function refusal(work: Promise<unknown>): Promise<AppError> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!thrown) throw new Error('it was not refused');
  return thrown as AppError;
}

export interface SpecPlatform {
  platformId: string;
  systemProviderId: string;
  account: AccountView;
}
export interface SpecUser {
  userId: string;
  numberId: string;
  e164: string;
  platform: SpecPlatform;
  scope: TenantScope;
  resellerId: string;
  groupId: string;
}
export interface Sms {
  to: string;
  from?: string;
  text?: string;
  id?: string;
  suspectEncoding?: true;
}

class StubConfig extends ServiceConfig {}

export type World = Awaited<ReturnType<typeof startRouting>>;

/** The whole service on real servers, against the carrier twins, reached as the other services reach it. */
export async function startRouting({
  env = {},
  instances = 1,
}: { env?: Record<string, string>; instances?: number } = {}) {
  await servers();
  const nats = await testNats();
  const redisUrl = await testRedisUrl();
  const database = await testDatabase('routing', async (databaseUrl) => {
    await migrate({ databaseUrl, service: 'routing', migrations: MIGRATIONS });
  });
  const common = {
    STROWGER_MODE: 'test',
    NATS_URL: nats.url,
    OPS_PORT: '0',
    OPS_HOST: '127.0.0.1',
    LOG_LEVEL: 'fatal',
  };
  const config = loadConfig(RoutingConfig, {
    ...common,
    DATABASE_URL: database.url,
    REDIS_URL: redisUrl,
    STROWGER_SECRET_KEYS: KEYRING,
    NUMBER_RATE_PER_SECOND: '0',
    SEND_PROBE_SECONDS: '0.01,0.01,0.01',
    RECONCILE_GRACE_SECONDS: '0',
    CARRIER_TIMEOUT_SECONDS: '1',
    ...env,
  });
  const twins = await startTwins({ sentDelayMs: 1, deliveredDelayMs: 1 });
  const accesses = new Accesses();
  const provisioning = await startService({
    name: 'provisioning',
    module: provisioningStub(accesses),
    config: loadConfig(StubConfig, common),
  });
  await provisioning.rpcReady;
  const tree = new Tree();
  const hierarchy = await startService({
    name: 'hierarchy',
    module: hierarchyStub(tree),
    config: loadConfig(StubConfig, common),
  });
  await hierarchy.rpcReady;
  const start = async () => {
    const service = await startService({ name: SERVICE, module: AppModule.forRoot(config), config });
    await service.rpcReady;
    return service;
  };
  const running: RunningService[] = [];
  for (let i = 0; i < instances; i++) running.push(await start());
  const app = running[0]!.app;
  const db = app.get(Db);
  const timers = app.get(Timers);
  // Of its own: a spec may kill any instance.
  const messaging = await Messaging.connect({ natsUrl: nats.url, name: 'spec' });
  const publisher = new Publisher(messaging);
  const rpc = await Rpc.connect({ natsUrl: nats.url, name: 'spec' });

  let counter = 0;
  let published = 0;
  const box = SecretBox.fromKeyring(KEYRING);

  const publish = async <T extends object>(
    contract: EventClass<T>,
    subject: string,
    data: NoInfer<T>,
    { id = newId(), sequence = ++published } = {},
  ): Promise<void> => {
    const source = `/${contract.type.split('.')[0]}`;
    const time = new Date().toISOString();
    const event: CloudEvent<T> = {
      specversion: '1.0',
      id,
      type: contract.type,
      source,
      subject,
      sequence,
      time,
      datacontenttype: 'application/json',
      data,
    };
    await publisher.publish(event);
  };

  /** A carrier's webhook as ingestion passes it on. */
  const delivery = (
    platform: SpecPlatform,
    facts: HookFact[],
    more: Partial<DeliveryReceivedV1> = {},
  ): DeliveryReceivedV1 => ({
    deliveryId: newId(),
    endpointId: newId(),
    platformId: platform.platformId,
    systemProviderId: platform.systemProviderId,
    kind: 'restcomm',
    receivedAt: new Date().toISOString(),
    raw: { method: 'POST', contentType: 'application/x-www-form-urlencoded', query: '', bodyBase64: '' },
    facts,
    ...more,
  });
  const deliver = (data: DeliveryReceivedV1) =>
    publish(DeliveryReceivedV1, data.platformId, data, { id: data.deliveryId });

  // Where the twin's status callbacks go: our ingestion in three lines.
  const hooks = { arrive: true, seen: 0 };
  const hook = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const parsed = carrierOf('restcomm')!.hook.read({
        method: request.method!,
        contentType: request.headers['content-type'],
        headers: {},
        query: '',
        rawBody: Buffer.concat(chunks),
        receivedAt: new Date(),
        account: '',
      });
      const platformId = request.url!.slice(1);
      const arrived = hooks.arrive
        ? deliver(delivery({ platformId, systemProviderId: newId() } as SpecPlatform, parsed.facts as HookFact[]))
        : Promise.resolve();
      void arrived.then(() => {
        hooks.seen += 1;
        response.writeHead(200, { 'content-type': parsed.reply.contentType }).end(parsed.reply.body);
      });
    });
  });
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  const hookUrl = `http://127.0.0.1:${(hook.address() as AddressInfo).port}`;

  const call = <B extends object, R>(
    contract: RpcContract<B, R>,
    body: B,
    scope: TenantScope = PLATFORM_SCOPE,
    actor: Actor = ACTOR,
  ): Promise<R> => rpc.call(contract, { scope, actor, body });

  const newNumber = (): string => `+1201555${2000 + ++counter}`;
  const world = {
    config,
    db,
    twins: twins.control,
    app,
    instances: running,
    hooks,
    publish,
    deliver,
    delivery,
    call,
    nats,
    timers,
    tree,
    newNumber,
    given: {
      platform: async (more: Partial<PlatformSavedV1> = {}): Promise<SpecPlatform> => {
        const account = await twins.control.putAccount({});
        const platform = { platformId: newId(), systemProviderId: newId(), account, ...more };
        const context = `platform:${platform.platformId}`;
        accesses.set(platform.platformId, {
          platformId: platform.platformId,
          systemProviderId: platform.systemProviderId,
          kind: 'restcomm',
          baseUrl: twins.restcommUrl,
          account: account.sid,
          settings: { applicationName: 'UnitySmsConnector' },
          sealedCredentials: box.seal(JSON.stringify({ account: account.sid, secret: account.token }), context),
          sealedWebhookUrl: box.seal(`${hookUrl}/${platform.platformId}`, context),
          ratePerSecond: 1000,
          version: 1,
        });
        await publish(PlatformSavedV1, platform.platformId, {
          platformId: platform.platformId,
          systemProviderId: platform.systemProviderId,
          kind: 'restcomm',
          name: 'Restcomm',
          smsAvailable: true,
          mmsAvailable: false,
          userCanBlockNumbers: true,
          ratePerSecond: 1000,
          ...more,
        });
        return platform;
      },
      /** A licensed user with a number. Without a platform in the options it gets a platform of its own. */
      user: async ({
        licensed = true,
        e164 = newNumber(),
        platform,
        options,
      }: {
        licensed?: boolean;
        e164?: string;
        platform?: SpecPlatform;
        options?: Partial<PlatformSavedV1>;
      } = {}): Promise<SpecUser> => {
        const on = platform ?? (await world.given.platform(options));
        const userId = newId();
        const user: SpecUser = {
          userId,
          numberId: newId(),
          e164,
          platform: on,
          scope: { level: 'user', id: userId, systemProviderId: on.systemProviderId },
          resellerId: newId(),
          groupId: newId(),
        };
        await world.entitle(user, licensed);
        await world.activate(user);
        await world.idle();
        return user;
      },
    },
    entitle: (user: SpecUser, entitled = true) =>
      publish(MessagingEntitlementChangedV1, user.userId, {
        userId: user.userId,
        systemProviderId: user.platform.systemProviderId,
        entitled,
      }),
    activate: ({ numberId, e164, userId, platform, resellerId, groupId }: SpecUser, sequence = ++published) => {
      const owner = {
        kind: 'user' as const,
        id: userId,
        name: 'Chris',
        systemProviderId: platform.systemProviderId,
        resellerId,
        groupId,
      };
      return publish(
        NumberActivatedV1,
        numberId,
        { numberId, e164, platformId: platform.platformId, friendlyName: 'Front desk', owner },
        { sequence },
      );
    },
    release: ({ numberId, e164, platform }: SpecUser, deleteMessages = false) =>
      publish(NumberReleasedV1, numberId, {
        numberId,
        e164,
        systemProviderId: platform.systemProviderId,
        deleteMessages,
      }),
    sms: (sms: Sms, account = 'AC0'): HookFact => ({
      type: 'message.received',
      carrierMessageId: sms.id ?? `SM${randomBytes(16).toString('hex')}`,
      from: sms.from ?? REMOTE,
      to: sms.to,
      text: sms.text ?? 'hi',
      carrierAccountId: account,
      ...(sms.suspectEncoding ? { suspectEncoding: true } : {}),
    }),
    /** One webhook per message; resolves when the stream has them. */
    receive: async (platform: SpecPlatform, ...messages: Sms[]): Promise<void> => {
      await Promise.all(messages.map((sms) => deliver(delivery(platform, [world.sms(sms, platform.account.sid)]))));
    },
    receipt: (platform: SpecPlatform, carrierMessageId: string, status: string, errorCode?: string) =>
      deliver(delivery(platform, [{ type: 'receipt.received', carrierMessageId, status, errorCode }])),
    /** Until every consumer of every instance is through. */
    idle: async (): Promise<void> => {
      for (const { app } of running) await app.get(Messaging, { strict: false }).idle();
    },
    drainJobs: async (): Promise<void> => {
      for (const { app } of running) {
        await app.get(SenderService).idle();
        await app.get(Jobs).drain();
      }
    },
    /** Until every consumer, every job and every message due now is through. */
    drain: async (timeoutMs = 15_000): Promise<void> => {
      await eventually(
        async () => {
          await world.idle();
          await timers.runNow('sender-sweep');
          await world.drainJobs();
          await world.idle();
          const due = await db.query(
            sql`select 1 from message where next_attempt_at is not null and next_attempt_at < now() + interval '1 second' limit 1`,
          );
          return due.length === 0;
        },
        { timeoutMs, message: 'nothing is due' },
      );
    },
    /** What comes of the messages the user has sent, once the receipts have come. */
    delivered: (user: SpecUser, id: string, state = 'delivered'): Promise<MessageView> =>
      eventually(
        async () => {
          await timers.runNow('sender-sweep');
          const message = await call(routingRpc.getMessage, { id }, user.scope);
          return message.state === state && message;
        },
        { message: `message ${state}` },
      ),
    send: (user: SpecUser, text = 'hello', to = REMOTE, messageId = newId()): Promise<MessageView> =>
      call(routingRpc.sendMessage, { messageId, to, text }, user.scope),
    messagesOf: async (user: SpecUser): Promise<MessageView[]> =>
      (await call(routingRpc.listMessages, { limit: 200 }, user.scope)).items,
    sync: (user: Pick<SpecUser, 'userId' | 'scope'>, cursor = 0, limit = 1000): Promise<SyncView> =>
      call(routingRpc.syncClient, { userId: user.userId, cursor, limit }, user.scope),
    /** What the carrier was given, oldest first. */
    atCarrier: async (platform: SpecPlatform): Promise<{ sid: string; to: string; body: string }[]> =>
      (
        await twins.control.messages({ accountSid: platform.account.sid, direction: 'outbound', limit: 1000 })
      ).reverse(),
    fault: (platform: SpecPlatform, fault: Partial<FaultInput> & Pick<FaultInput, 'do'>) =>
      twins.control.addFault({
        carrier: 'restcomm',
        ...fault,
        match: { path: 'messages.send', accountSid: platform.account.sid, ...fault.match },
      }),
    /** Live frames for the user, as the gateway gets them. */
    listen: (user: SpecUser): { frames: { cursor: number; frame: ClientFrame & { message: MessageView } }[] } => {
      const heard: { cursor: number; frame: ClientFrame & { message: MessageView } }[] = [];
      messaging.nc.subscribe(pushSubject(user.userId), {
        callback: (_error, message) => {
          const payload = message.string();
          const space = payload.indexOf(' ');
          heard.push({ cursor: Number(payload.slice(0, space)), frame: JSON.parse(payload.slice(space + 1)) as never });
        },
      });
      return { frames: heard };
    },
    quarantined: async (platform: SpecPlatform, includeReleased = false) =>
      (await call(routingRpc.listQuarantine, { includeReleased, limit: 200 }, providerScope(platform))).items,
    stop: async (): Promise<void> => {
      await rpc.close();
      await messaging.close();
      await Promise.all(running.map((service) => service.close()));
      await provisioning.close();
      await hierarchy.close();
      await new Promise<void>((resolve) => {
        hook.close(() => resolve());
        hook.closeAllConnections();
      });
      await twins.stop();
      await database.drop();
      await nats.stop();
    },
  };
  return world;
}

export const providerScope = ({ systemProviderId }: SpecPlatform): TenantScope => ({
  level: 'system-provider',
  id: systemProviderId,
  systemProviderId,
});
