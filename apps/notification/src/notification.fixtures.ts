import { loadConfig } from '@strowger/config';
import { AlertRecipientsChangedV1 } from '@strowger/contracts-hierarchy';
import { notificationRpc, type ListDeliveries, type MailDeliveryView } from '@strowger/contracts-notification';
import {
  NumberEnablementFailedV1,
  PlatformCredentialsFailedV1,
  PlatformCredentialsRecoveredV1,
} from '@strowger/contracts-provisioning';
import { startService, type RunningService } from '@strowger/http';
import { Jobs, Timers } from '@strowger/jobs';
import {
  ManualClock,
  newId,
  PLATFORM_SCOPE,
  type CloudEvent,
  type EventClass,
  type Page,
  type TenantScope,
} from '@strowger/kernel';
import { startMailSink } from '@strowger/mail-sink';
import { Messaging, Publisher } from '@strowger/messaging';
import { Db, migrate } from '@strowger/persistence';
import { Rpc } from '@strowger/rpc';
import { eventually, servers, testDatabase, testNats, testRedisUrl } from '@strowger/testing';
import { AppModule } from './app.module.js';
import { NotificationConfig } from './config.js';
import { MailService } from './mail/mail.service.js';
import { MIGRATIONS } from './migrations/index.js';

export type World = Awaited<ReturnType<typeof startNotification>>;

export const scopeOf = (systemProviderId: string): TenantScope => ({
  level: 'system-provider',
  id: systemProviderId,
  systemProviderId,
});

/** The whole service on real servers, mailing to the sink. */
export async function startNotification({
  instances = 1,
  env = {},
}: { instances?: number; env?: Record<string, string> } = {}) {
  await servers();
  const nats = await testNats();
  const redisUrl = await testRedisUrl();
  const sink = await startMailSink({ smtpPort: 0, httpPort: 0 });
  const database = await testDatabase('notification', async (databaseUrl) => {
    await migrate({ databaseUrl, service: 'notification', migrations: MIGRATIONS });
  });
  const config = loadConfig(NotificationConfig, {
    STROWGER_MODE: 'test',
    NATS_URL: nats.url,
    DATABASE_URL: database.url,
    REDIS_URL: redisUrl,
    SMTP_URL: sink.smtpUrl,
    PORTAL_URL: 'https://portal.example/',
    OPS_PORT: '0',
    OPS_HOST: '127.0.0.1',
    LOG_LEVEL: 'fatal',
    ...env,
  });
  const clock = new ManualClock();
  const running: RunningService[] = [];
  for (let i = 0; i < instances; i++) {
    const service = await startService({
      name: 'notification',
      module: AppModule.forRoot(config, clock),
      config,
    });
    await service.rpcReady;
    running.push(service);
  }
  const app = running[0]!.app;
  const messaging = app.get(Messaging, { strict: false });
  await messaging.ready();
  const publisher = app.get(Publisher, { strict: false });
  const timers = app.get(Timers);
  const rpc = await Rpc.connect({ natsUrl: nats.url, name: 'spec' });
  let published = 0;

  const publish = async <T extends object>(
    contract: EventClass<T>,
    subject: string,
    data: NoInfer<T>,
    sequence = ++published,
  ): Promise<void> => {
    const event: CloudEvent<T> = {
      specversion: '1.0',
      id: newId(),
      type: contract.type,
      source: `/${contract.type.split('.')[0]}`,
      subject,
      sequence,
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
      data,
    };
    await publisher.publish(event);
  };
  const idle = async (): Promise<void> => {
    for (const service of running) await service.app.get(Messaging, { strict: false }).idle();
  };
  const deliveries = (systemProviderId: string, body: ListDeliveries = {}): Promise<Page<MailDeliveryView>> =>
    rpc.call(notificationRpc.listDeliveries, {
      scope: systemProviderId ? scopeOf(systemProviderId) : PLATFORM_SCOPE,
      actor: { kind: 'system', id: 'spec', name: 'spec' },
      body,
    });

  return {
    app,
    instances: running,
    mail: app.get(MailService),
    db: app.get(Db),
    jobs: app.get(Jobs),
    clock,
    sink,
    rpc,
    timers,
    publish,
    idle,
    deliveries,
    recipients: async (systemProviderId: string, emails: string[], sequence?: number): Promise<void> => {
      const recipients = emails.map((email) => ({ portalUserId: newId(), email, name: 'Pat' }));
      await publish(
        AlertRecipientsChangedV1,
        systemProviderId,
        { systemProviderId, systemProviderName: 'Demo', recipients },
        sequence,
      );
      await idle();
    },
    enablementFailed: async (
      systemProviderId: string,
      more: Partial<NumberEnablementFailedV1> & { name?: string } = {},
    ): Promise<string> => {
      const { name = 'Chris Tutt', ...rest } = more;
      const incidentId = rest.incidentId ?? newId();
      const owner = {
        kind: 'user' as const,
        id: newId(),
        name,
        systemProviderId,
        resellerId: newId(),
        groupId: newId(),
      };
      const numberId = newId();
      await publish(NumberEnablementFailedV1, numberId, {
        numberId,
        e164: '+12015550123',
        platformId: newId(),
        owner,
        reason: 'Number is a wireless number',
        ...rest,
        incidentId,
      });
      return incidentId;
    },
    credentials: async (systemProviderId: string, platformId: string, state: 'failed' | 'recovered'): Promise<void> => {
      const about = { platformId, systemProviderId, platformName: 'Restcomm', incidentId: newId() };
      if (state === 'failed') await publish(PlatformCredentialsFailedV1, platformId, { ...about, reason: 'HTTP 401' });
      else await publish(PlatformCredentialsRecoveredV1, platformId, about);
      await idle();
    },
    /** Until every mail has come to an end; lets the waiting ones be due again and again. */
    drain: async (systemProviderId: string): Promise<MailDeliveryView[]> =>
      eventually(
        async () => {
          await idle();
          await timers.runNow('mail-sweep');
          await app.get(Jobs).drain();
          const { items } = await deliveries(systemProviderId, { limit: 200 });
          if (!items.some(({ state }) => state === 'queued')) return items;
          clock.advance(600_000);
          return undefined;
        },
        { timeoutMs: 15_000, message: 'every mail is through' },
      ),
    stop: async (): Promise<void> => {
      await rpc.close();
      await Promise.all(running.map((service) => service.close()));
      await sink.stop();
      await database.drop();
      await nats.stop();
    },
  };
}
