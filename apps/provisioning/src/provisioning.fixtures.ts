// Hierarchy's requests are answered by hierarchy itself, because its rules are half of what is tested here.
import {
  AppModule as HierarchyModule,
  HierarchyConfig,
  MIGRATIONS as HIERARCHY_MIGRATIONS,
} from '@strowger/app-hierarchy/testing';
import { hierarchyRpc, type UserView } from '@strowger/contracts-hierarchy';
import {
  provisioningRpc,
  type AssignNumber,
  type CreatePlatform,
  type NumberView,
  type PlatformView,
} from '@strowger/contracts-provisioning';
import { loadConfig } from '@strowger/config';
import { startService, type RunningService } from '@strowger/http';
import { Jobs, Timers } from '@strowger/jobs';
import {
  AppError,
  ManualClock,
  PLATFORM_SCOPE,
  SYSTEM_ACTOR,
  type Actor,
  type CloudEvent,
  type EventClass,
  type RpcContract,
  type TenantScope,
} from '@strowger/kernel';
import { Messaging } from '@strowger/messaging';
import { Db, migrate, sql } from '@strowger/persistence';
import { SagaRunner } from '@strowger/saga';
import { eventually, servers, testDatabase, testNats, testRedisUrl } from '@strowger/testing';
import { startTwins, type AccountInput, type AccountView, type RunningTwins } from '@strowger/carrier-twins';
import { Rpc } from '@strowger/rpc';
import { AppModule, SERVICE } from './app.module.js';
import { ProvisioningConfig } from './config.js';
import { MIGRATIONS } from './migrations/index.js';

export const PORTAL_USER: Actor = {
  kind: 'portal-user',
  id: 'p-1',
  name: 'Pat Portal',
  role: 'administrator',
  ip: '192.0.2.7',
};
export const KEY_A = `a:${Buffer.alloc(32, 'provisioning-spec-key-a').toString('base64')}`;
export const KEY_B = `b:${Buffer.alloc(32, 'provisioning-spec-key-b').toString('base64')}`;
export const APPLICATION = 'UnitySmsConnector';

/** What a call was refused with. Fails the test when it was not. */
export async function refusal(work: Promise<unknown>): Promise<AppError> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof AppError)) throw new Error(`it was not refused: ${String(thrown)}`);
  return thrown;
}

/** Waits until the expectations inside hold. */
export const soon = (expectations: () => Promise<void>): Promise<boolean> =>
  eventually(async () => {
    await expectations();
    return true;
  });

export type World = Awaited<ReturnType<typeof startProvisioning>>;
export type Instance = Awaited<ReturnType<World['startInstance']>>;
/** A provider with a user and a platform on a carrier account of its own. */
export interface Tenant {
  provider: { id: string; name: string };
  user: UserView;
  account: AccountView;
  platform: PlatformView;
  scope: TenantScope;
}

/** The whole service on real servers, with the real hierarchy and the carrier twins, reached as the gateway reaches it. */
export async function startProvisioning(env: Record<string, string> = {}) {
  await servers();
  const nats = await testNats();
  const twins: RunningTwins = await startTwins({ jobDelayMs: 60_000 });
  const hierarchyDatabase = await testDatabase('hierarchy', async (databaseUrl) => {
    await migrate({ databaseUrl, service: 'hierarchy', migrations: HIERARCHY_MIGRATIONS });
  });
  const database = await testDatabase(SERVICE, async (databaseUrl) => {
    await migrate({ databaseUrl, service: SERVICE, migrations: MIGRATIONS });
  });
  const common = {
    STROWGER_MODE: 'test',
    NATS_URL: nats.url,
    OPS_PORT: '0',
    OPS_HOST: '127.0.0.1',
    LOG_LEVEL: env['LOG_LEVEL'] ?? 'silent',
  };
  const hierarchyConfig = loadConfig(HierarchyConfig, {
    ...common,
    DATABASE_URL: hierarchyDatabase.url,
    PASSWORD_MEMORY_KIB: '64',
  });
  const hierarchy = await startService({
    name: 'hierarchy',
    module: HierarchyModule.forRoot(hierarchyConfig),
    config: hierarchyConfig,
  });
  const redisUrl = await testRedisUrl();
  const clock = new ManualClock();

  const started: RunningService[] = [];
  const startInstance = async (more: Record<string, string> = {}) => {
    const config = loadConfig(ProvisioningConfig, {
      ...common,
      DATABASE_URL: database.url,
      REDIS_URL: redisUrl,
      STROWGER_SECRET_KEYS: KEY_A,
      HOOKS_PUBLIC_URL: 'https://hooks.example.net',
      CARRIER_RESTCOMM_BASE_URLS: twins.restcommUrl,
      MESSAGE_EXCHANGE_BASE_URLS: twins.exchangeUrl,
      TELEAPI_BASE_URLS: twins.teleapiUrl,
      CARRIER_READ_MS: '1500',
      CARRIER_LOOK_AGAIN_MS: '20,50,100',
      CARRIER_UNDO_ATTEMPTS: '3',
      CARRIER_UNDO_BACKOFF_MS: '10',
      ENABLEMENT_RATE_PER_SECOND: '100',
      ...env,
      ...more,
    });
    const service: RunningService = await startService({
      name: SERVICE,
      module: AppModule.forRoot(config, clock),
      config,
    });
    started.push(service);
    await service.rpcReady;
    const { app } = service;
    return { service, config, app, sagas: app.get(SagaRunner), timers: app.get(Timers), jobs: app.get(Jobs) };
  };
  const main = await startInstance();
  await hierarchy.rpcReady;
  const rpc = await Rpc.connect({ natsUrl: nats.url, name: 'spec' });
  const db = main.app.get(Db);
  let counter = 0;
  let subscribers = 1000;
  const unique = (stem: string): string => `${stem}-${++counter}`;

  const call = <B extends object, R>(
    contract: RpcContract<B, R>,
    body: B,
    scope: TenantScope = PLATFORM_SCOPE,
    actor: Actor = PORTAL_USER,
  ): Promise<R> => rpc.call(contract, { scope, actor, body }, { timeoutMs: 40_000 });

  const due = async (): Promise<number> => {
    const now = clock.now();
    const [row] = await db.query(
      sql<{ n: number }>`select count(*)::int as n from cpaas_number where next_check_at <= ${now}`,
    );
    return row!.n;
  };

  const given = {
    provider: async ({ alerted = true, parentId = undefined as string | undefined } = {}) => {
      const provider = await call(hierarchyRpc.createSystemProvider, { name: unique('Provider'), parentId });
      if (alerted)
        await call(hierarchyRpc.createPortalUser, {
          level: 'system-provider',
          nodeId: provider.id,
          email: `${unique('person')}@demo.example`,
          name: 'Pat Portal',
          password: 'correct horse battery',
          role: 'administrator',
          notifications: {
            technicalEmails: false,
            alerts: true,
            invoicesAndReceipts: false,
            licenseExpiryAlerts: false,
          },
        });
      return provider;
    },
    user: async (systemProviderId: string, name = 'Chris Tutt'): Promise<UserView> => {
      const reseller = await call(hierarchyRpc.createReseller, {
        systemProviderId,
        key: unique('reseller'),
        name: 'Acme',
        kind: 'enterprise',
      });
      const group = await call(hierarchyRpc.createGroup, { resellerId: reseller.id, key: unique('group'), name: 'HQ' });
      const broadworksUserId = `${unique('user')}@acme.example`;
      return call(hierarchyRpc.createUser, { groupId: group.id, broadworksUserId, name });
    },
    account: (more: AccountInput = {}): Promise<AccountView> => twins.control.putAccount(more),
    platform: (
      systemProviderId: string,
      account: AccountView,
      credentials: object = {},
      more: Partial<CreatePlatform> = {},
    ) =>
      call(provisioningRpc.createPlatform, {
        systemProviderId,
        kind: 'restcomm',
        credentials: { account: account.sid, secret: account.token, ...credentials },
        ...more,
      }),
    tenant: async ({
      exchange = true,
      profile = 'canonical' as 'canonical' | 'teleapi',
      carrier = {} as AccountInput,
    } = {}): Promise<Tenant> => {
      const provider = await given.provider();
      const [user, account] = await Promise.all([given.user(provider.id), given.account(carrier)]);
      const token = exchange ? { messageExchangeToken: account.meToken!, messageExchangeProfile: profile } : {};
      const platform = await given.platform(provider.id, account, token);
      const scope: TenantScope = { level: 'system-provider', id: provider.id, systemProviderId: provider.id };
      return { provider, user, account, platform, scope };
    },
  };

  return {
    nats,
    twins,
    hierarchy,
    database,
    main,
    startInstance,
    /** Ten digits nobody has used, of no scenario. */
    newNumber: (): string => `201555${++subscribers}`,
    rpc,
    db,
    clock,
    call,
    given,
    redisUrl,
    assign: (tenant: Tenant, number: string, more: Partial<AssignNumber> = {}) =>
      call(provisioningRpc.assignNumber, { userId: tenant.user.id, number, ...more }, tenant.scope),
    number: (id: string): Promise<NumberView> => call(provisioningRpc.getNumber, { id }, PLATFORM_SCOPE, SYSTEM_ACTOR),
    /** Everything the carriers hold for the number. */
    async heldFor(tenant: Tenant, number: string) {
      const accountSid = tenant.account.sid;
      const numbers = await twins.control.numbers({ accountSid, phone: number });
      const enablement = await twins.control.exchangeNumber(number, accountSid);
      return [...numbers.map((row) => row.phone_number), ...(enablement ? [`enablement ${enablement.status}`] : [])];
    },
    /** Facts of a type about a thing that have reached the stream, in order. */
    async facts<T extends object>(contract: EventClass<T>, subject: string): Promise<CloudEvent<T>[]> {
      await main.app.get(Messaging).idle();
      const rows = await db.query(
        sql<{ event: string }>`select event from outbox where type = ${contract.type} and subject = ${subject}
          and published_at is not null order by sequence`,
      );
      return rows.map((row) => JSON.parse(row.event) as CloudEvent<T>);
    },
    /** Until every saga has ended, waits, or is stuck; those in a backoff run at once. */
    async drainSagas(): Promise<void> {
      do await main.sagas.drain();
      while ((await main.sagas.counts()).due > 0);
    },
    /** Moves our clock and the exchange's forward, then checks what has come due. */
    async pass(milliseconds: number): Promise<void> {
      clock.advance(milliseconds);
      await twins.control.clock({ advanceMs: milliseconds });
      await eventually(async () => {
        await main.timers.runNow('enablement-sweep');
        await main.jobs.drain();
        return (await due()) === 0;
      });
    },
    async stop(): Promise<void> {
      await rpc.close();
      // Also those a failed test left running.
      await Promise.all(started.map((service) => service.close()));
      await hierarchy.close();
      await twins.stop();
      await database.drop();
      await hierarchyDatabase.drop();
      await nats.stop();
    },
  };
}
