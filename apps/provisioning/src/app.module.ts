import { Module } from '@nestjs/common';
import { JobsModule } from '@strowger/jobs';
import { Clock, SystemClock } from '@strowger/kernel';
import { MessagingModule } from '@strowger/messaging';
import { PersistenceModule } from '@strowger/persistence';
import { RpcModule } from '@strowger/rpc';
import { SagaModule } from '@strowger/saga';
import { Carriers } from './carriers/carriers.service.js';
import { ProvisioningConfig } from './config.js';
import { checkEnablement, EnablementSchedule } from './numbers/enablement-schedule.js';
import { EnablementJob } from './numbers/enablement.job.js';
import { EnablementService } from './numbers/enablement.service.js';
import { ExchangeRemovals } from './numbers/exchange-removals.sweeper.js';
import { NumberOutcomes } from './numbers/number-outcomes.service.js';
import { NumberSagas } from './numbers/number-sagas.js';
import { CpaasNumber } from './numbers/number.entity.js';
import { NumberOwners } from './numbers/number-owners.service.js';
import { NumberQueries } from './numbers/number.queries.js';
import { NumbersController } from './numbers/numbers.controller.js';
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
import { PlatformsController } from './platforms/platforms.controller.js';
import { PlatformsService } from './platforms/platforms.service.js';
import { Readiness } from './readiness.js';

export const SERVICE = 'provisioning';
const ENTITIES = [AlertHoldIntent, CpaasNumber, Platform, StoredHookEndpoint, TimelineEntry];

export function provisioningModule(config: Readonly<ProvisioningConfig>, clock: Clock = new SystemClock()) {
  const { databaseUrl, databasePoolSize: poolSize, redisUrl } = config;
  @Module({
    imports: [
      PersistenceModule.forRoot({ service: SERVICE, databaseUrl, poolSize, entities: ENTITIES }),
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
    controllers: [NumbersController, PlatformsController],
    providers: [
      { provide: Clock, useValue: clock },
      { provide: ProvisioningConfig, useValue: config },
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
      Readiness,
      Timeline,
      UserNumbersConsumer,
    ],
  })
  class ProvisioningModule {}
  return ProvisioningModule;
}
