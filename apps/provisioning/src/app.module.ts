/**
 * The service's one module. Every app has this shape: `AppModule.forRoot(config, clock?)`, or a plain class where nothing
 * depends on the configuration. A provider names what it needs as constructor parameters, by their classes; only what has
 * no class is given by a symbol with `@Inject`. `startService` provides the configuration (under its own class), NatsLink
 * and Health everywhere, and serves what `@Answers` stands on.
 */
import { type DynamicModule, Module } from '@nestjs/common';
import { JobsModule } from '@strowger/jobs';
import { Clock, SystemClock } from '@strowger/kernel';
import { MessagingModule } from '@strowger/messaging';
import { PersistenceModule } from '@strowger/persistence';
import { RpcModule } from '@strowger/rpc';
import { SagaModule } from '@strowger/saga';
import { Carriers } from './carriers/carriers.service.js';
import type { ProvisioningConfig } from './config.js';
import { MIGRATIONS } from './migrations/index.js';
import { checkEnablement, EnablementSchedule } from './numbers/enablement-schedule.js';
import { EnablementJob } from './numbers/enablement.job.js';
import { EnablementService } from './numbers/enablement.service.js';
import { ExchangeRemovals } from './numbers/exchange-removals.sweeper.js';
import { NumberOutcomes } from './numbers/number-outcomes.service.js';
import { NumberSagas } from './numbers/number-sagas.js';
import { CpaasNumber } from './numbers/number.entity.js';
import { NumberOwners } from './numbers/number-owners.service.js';
import { NumberQueries } from './numbers/number.queries.js';
import { NumbersService } from './numbers/numbers.service.js';
import { TimelineEntry } from './numbers/timeline-entry.entity.js';
import { Timeline } from './numbers/timeline.service.js';
import { UserNumbersConsumer } from './numbers/user-numbers.consumer.js';
import { AlertHoldIntent } from './platforms/alert-hold.entity.js';
import { AlertHolds } from './platforms/alert-holds.service.js';
import { StoredHookEndpoint } from './platforms/hook-endpoint.entity.js';
import { HookEndpointsConsumer } from './platforms/hook-endpoints.consumer.js';
import { HookEndpoints } from './platforms/hook-endpoints.service.js';
import { PlatformSecrets } from './platforms/platform-secrets.service.js';
import { PlatformVerification } from './platforms/platform-verification.service.js';
import { Platform } from './platforms/platform.entity.js';
import { PlatformsService } from './platforms/platforms.service.js';

export const SERVICE = 'provisioning';
const ENTITIES = [AlertHoldIntent, CpaasNumber, Platform, StoredHookEndpoint, TimelineEntry];

@Module({})
export class AppModule {
  static forRoot(config: ProvisioningConfig, clock: Clock = new SystemClock()): DynamicModule {
    const { databaseUrl, databasePoolSize: poolSize, redisUrl } = config;
    return {
      module: AppModule,
      imports: [
        PersistenceModule.forRoot({
          service: SERVICE,
          databaseUrl,
          poolSize,
          entities: ENTITIES,
          migrations: MIGRATIONS,
        }),
        MessagingModule.forRoot(),
        JobsModule.forRoot({ service: SERVICE, redisUrl, jobs: [checkEnablement] }),
        RpcModule,
        SagaModule.forRoot({
          service: SERVICE,
          undoAttempts: config.undoAttempts,
          undoBackoffMs: config.undoBackoffMs,
          stuckRetrySeconds: config.cleanupSeconds,
        }),
      ],
      providers: [
        { provide: Clock, useValue: clock },
        AlertHolds,
        Carriers,
        EnablementJob,
        EnablementSchedule,
        EnablementService,
        ExchangeRemovals,
        HookEndpoints,
        HookEndpointsConsumer,
        NumberOutcomes,
        NumberOwners,
        NumberQueries,
        NumberSagas,
        NumbersService,
        PlatformSecrets,
        PlatformVerification,
        PlatformsService,
        Timeline,
        UserNumbersConsumer,
      ],
    };
  }
}
