import type { Actor, CloudEvent, RpcContract, TenantScope, AppError } from '@strowger/kernel';
import { ManualClock, newId, PLATFORM_SCOPE } from '@strowger/kernel';
import { hierarchyRpc, type CreatePortalUser, type GroupView, type ResellerView } from '@strowger/contracts-hierarchy';
import { loadConfig } from '@strowger/config';
import { startService, type RunningService } from '@strowger/http';
import { Messaging } from '@strowger/messaging';
import { Db, migrate, sql } from '@strowger/persistence';
import { Rpc } from '@strowger/rpc';
import { servers, testDatabase, testNats } from '@strowger/testing';
import { AppModule, SERVICE } from './app.module.js';
import { HierarchyConfig } from './config.js';
import { MIGRATIONS } from './migrations/index.js';

export const OPERATOR: Actor = { kind: 'portal-user', id: 'op', name: 'Olga Operator', ip: '192.0.2.7' };
export const PASSWORD = 'correct horse battery';
export const SILENT = {
  technicalEmails: false,
  alerts: false,
  invoicesAndReceipts: false,
  licenseExpiryAlerts: false,
};
export const ALERTED = { ...SILENT, alerts: true };

export const scopeOf = {
  provider: (id: string): TenantScope => ({ level: 'system-provider', id, systemProviderId: id }),
  reseller: (r: ResellerView): TenantScope => ({
    level: 'reseller',
    id: r.id,
    systemProviderId: r.systemProviderId,
  }),
  group: (g: GroupView): TenantScope => ({ level: 'group', id: g.id, systemProviderId: g.systemProviderId }),
};

/** What a call was refused with. Fails the test when it was not. */
export async function refusal(work: Promise<unknown>): Promise<AppError> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!thrown) throw new Error('it was not refused');
  return thrown as AppError;
}

export type World = Awaited<ReturnType<typeof startHierarchy>>;

/** The whole service on real servers, reached as the gateway reaches it. */
export async function startHierarchy(env: Record<string, string> = {}) {
  await servers();
  const nats = await testNats();
  const database = await testDatabase(SERVICE, async (databaseUrl) => {
    await migrate({ databaseUrl, service: SERVICE, migrations: MIGRATIONS });
  });
  const config = loadConfig(HierarchyConfig, {
    STROWGER_MODE: 'test',
    NATS_URL: nats.url,
    DATABASE_URL: database.url,
    OPS_PORT: '0',
    OPS_HOST: '127.0.0.1',
    LOG_LEVEL: 'error',
    PASSWORD_MEMORY_KIB: '64',
    PASSWORD_ITERATIONS: '2',
    ...env,
  });
  const clock = new ManualClock();
  const service: RunningService = await startService({
    name: SERVICE,
    module: AppModule.forRoot(config, clock),
    config,
  });
  await service.rpcReady;
  const rpc = await Rpc.connect({ natsUrl: nats.url, name: 'spec' });
  const db = service.app.get(Db);
  let counter = 0;

  const call = <B extends object, R>(
    contract: RpcContract<B, R>,
    body: B,
    scope: TenantScope = PLATFORM_SCOPE,
    actor: Actor = OPERATOR,
  ): Promise<R> => rpc.call(contract, { scope, actor, body });

  const unique = (stem: string): string => `${stem}-${++counter}`;

  const given = {
    provider: (name = unique('Provider')) => call(hierarchyRpc.createSystemProvider, { name }),
    child: (parentId: string, name = unique('Child')) => call(hierarchyRpc.createSystemProvider, { parentId, name }),
    reseller: (systemProviderId: string) =>
      call(hierarchyRpc.createReseller, {
        systemProviderId,
        key: unique('reseller'),
        name: 'Acme',
        kind: 'enterprise' as const,
      }),
    group: (resellerId: string) =>
      call(hierarchyRpc.createGroup, { resellerId, key: unique('group'), name: 'Headquarters' }),
    user: (groupId: string, name = 'Chris Tutt') =>
      call(hierarchyRpc.createUser, { groupId, broadworksUserId: `${unique('user')}@acme.example`, name }),
    portalUser: (nodeId: string, more: Partial<CreatePortalUser> = {}) =>
      call(hierarchyRpc.createPortalUser, {
        level: 'system-provider',
        nodeId,
        email: `${unique('person')}@demo.example`,
        name: 'Pat Portal',
        password: PASSWORD,
        role: 'administrator',
        notifications: SILENT,
        ...more,
      }),
    /** A provider with one of everything below it. */
    tree: async () => {
      const provider = await given.provider();
      const reseller = await given.reseller(provider.id);
      const group = await given.group(reseller.id);
      const user = await given.user(group.id);
      return { provider, reseller, group, user };
    },
    purchase: (systemProviderId: string, application: string, licenseType: string, quantity: number) =>
      call(hierarchyRpc.setPurchase, { systemProviderId, application, licenseType, quantity }),
  };

  return {
    service,
    rpc,
    db,
    clock,
    config,
    call,
    given,
    newId,
    /** Facts of a type about a thing, in the order they were published in; waits until all have been. */
    async facts<T extends object>(
      type: { type: string; new (): T },
      subject: string,
    ): Promise<Pick<CloudEvent<T>, 'sequence' | 'data' | 'tenantid'>[]> {
      await service.app.get(Messaging).idle();
      const rows = await db.query(
        sql<{ event: string }>`select event from outbox
          where type = ${type.type} and subject = ${subject} and published_at is not null order by sequence`,
      );
      return rows.map((row) => JSON.parse(row.event) as CloudEvent<T>);
    },
    /** Some connection to the database waits for another's row lock. Asked outside the caller's transaction. */
    async someoneWaits(): Promise<boolean> {
      const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      return (await db.orm.em.fork().execute<unknown[]>(waiting)).length > 0;
    },
    async stop(): Promise<void> {
      await rpc.close();
      await service.close();
      await database.drop();
      await nats.stop();
    },
  };
}
