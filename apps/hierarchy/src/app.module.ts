import { Module, type DynamicModule } from '@nestjs/common';
import { Clock, SystemClock } from '@strowger/kernel';
import { TimersModule } from '@strowger/jobs';
import { MessagingModule } from '@strowger/messaging';
import { PersistenceModule } from '@strowger/persistence';
import { BootstrapOperator } from './bootstrap-operator.js';
import { HierarchyConfig } from './config.js';
import { ENTITIES } from './entities.js';
import { GroupsController } from './groups/groups.controller.js';
import { GroupsService } from './groups/groups.service.js';
import { HistoryController } from './history/history.controller.js';
import { HistoryService } from './history/history.service.js';
import { LicensingController } from './licensing/licensing.controller.js';
import { PurchasesService } from './licensing/purchases.service.js';
import { SeatsService } from './licensing/seats.service.js';
import { NodesService } from './nodes/nodes.service.js';
import { Accounts } from './portal-users/accounts.service.js';
import { AlertGuard } from './portal-users/alert-guard.service.js';
import { AlertRecipients } from './portal-users/alert-recipients.service.js';
import { PasswordHasher } from './portal-users/password-hasher.js';
import { PortalUsersController } from './portal-users/portal-users.controller.js';
import { PortalUsersService } from './portal-users/portal-users.service.js';
import { RefreshTokens } from './portal-users/refresh-tokens.service.js';
import { Readiness } from './readiness.js';
import { ResellersController } from './resellers/resellers.controller.js';
import { ResellersService } from './resellers/resellers.service.js';
import { LoginThrottle } from './sessions/login-throttle.service.js';
import { SessionExpiry } from './sessions/session-expiry.sweeper.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { SessionsService } from './sessions/sessions.service.js';
import { SystemProvidersController } from './system-providers/system-providers.controller.js';
import { SystemProvidersService } from './system-providers/system-providers.service.js';
import { UserLicensesService } from './users/user-licenses.service.js';
import { UsersController } from './users/users.controller.js';
import { UsersService } from './users/users.service.js';

export const SERVICE = 'hierarchy';

@Module({})
export class AppModule {
  static forRoot(config: Readonly<HierarchyConfig>, clock: Clock = new SystemClock()): DynamicModule {
    const { databaseUrl, databasePoolSize: poolSize, natsUrl } = config;
    return {
      module: AppModule,
      imports: [
        TimersModule,
        MessagingModule.forRoot({ service: SERVICE, natsUrl }),
        PersistenceModule.forRoot({ service: SERVICE, databaseUrl, poolSize, entities: ENTITIES }),
      ],
      controllers: [
        GroupsController,
        HistoryController,
        LicensingController,
        PortalUsersController,
        ResellersController,
        SessionsController,
        SystemProvidersController,
        UsersController,
      ],
      providers: [
        { provide: Clock, useValue: clock },
        { provide: HierarchyConfig, useValue: config },
        Accounts,
        AlertGuard,
        AlertRecipients,
        BootstrapOperator,
        GroupsService,
        HistoryService,
        LoginThrottle,
        NodesService,
        PasswordHasher,
        PortalUsersService,
        PurchasesService,
        Readiness,
        RefreshTokens,
        ResellersService,
        SeatsService,
        SessionExpiry,
        SessionsService,
        SystemProvidersService,
        UserLicensesService,
        UsersService,
      ],
    };
  }
}
