import { Module, type DynamicModule } from '@nestjs/common';
import { Clock, SystemClock } from '@strowger/kernel';
import { TimersModule } from '@strowger/jobs';
import { MessagingModule } from '@strowger/messaging';
import { PersistenceModule } from '@strowger/persistence';
import { ApiKeysController } from './api-keys/api-keys.controller.js';
import { ApiKeysService } from './api-keys/api-keys.service.js';
import { BootstrapOperator } from './bootstrap-operator.js';
import { HierarchyConfig } from './config.js';
import { ENTITIES } from './entities.js';
import { GroupsController } from './groups/groups.controller.js';
import { GroupsService } from './groups/groups.service.js';
import { ContactCentreHistory } from './history/contact-centre-history.consumer.js';
import { HistoryController } from './history/history.controller.js';
import { HistoryService } from './history/history.service.js';
import { IncidentTeller } from './interface-users/incident-teller.service.js';
import { InterfaceUserAccounts } from './interface-users/interface-user-accounts.service.js';
import { InterfaceUsersController } from './interface-users/interface-users.controller.js';
import { ImportBatch } from './imports/import-batch.service.js';
import { ImportRunner } from './imports/import-runner.service.js';
import { ImportsController } from './imports/imports.controller.js';
import { ImportsService } from './imports/imports.service.js';
import { InterfaceUsersService } from './interface-users/interface-users.service.js';
import { VerifiedLogins } from './interface-users/verified-logins.js';
import { Entitlement } from './licensing/entitlement.service.js';
import { LicenseRequestsService } from './licensing/requests/license-requests.service.js';
import { ExpiryAlerts } from './licensing/terms/expiry-alerts.service.js';
import { ExpiryItems } from './licensing/terms/expiry-items.service.js';
import { ForecastService } from './licensing/terms/forecast.service.js';
import { HoldingsService } from './licensing/terms/holdings.service.js';
import { LicenseClock } from './licensing/terms/license-clock.sweeper.js';
import { LicenseTermsController } from './licensing/terms/license-terms.controller.js';
import { TermsService } from './licensing/terms/terms.service.js';
import { TrialExpiry } from './licensing/trials/trial-expiry.service.js';
import { TrialsService } from './licensing/trials/trials.service.js';
import { LicensingController } from './licensing/licensing.controller.js';
import { BalancesService } from './licensing/balances.service.js';
import { PoolsService } from './licensing/pools.service.js';
import { SubPurchasesService } from './licensing/sub-purchases.service.js';
import { PurchasesService } from './licensing/purchases.service.js';
import { SeatsService } from './licensing/seats.service.js';
import { LoginHistoryController } from './login-history/login-history.controller.js';
import { LoginHistory } from './login-history/login-history.service.js';
import { NodeSettingsService } from './nodes/node-settings.service.js';
import { DeletionsService } from './nodes/deletions.service.js';
import { NodesService } from './nodes/nodes.service.js';
import { PathsService } from './nodes/paths.service.js';
import { SearchService } from './nodes/search.service.js';
import { SettingsController } from './nodes/settings.controller.js';
import { SettingsService } from './nodes/settings.service.js';
import { AccountEndings } from './portal-users/account-endings.service.js';
import { Accounts } from './portal-users/accounts.service.js';
import { AlertGuard } from './portal-users/alert-guard.service.js';
import { AlertRecipients } from './portal-users/alert-recipients.service.js';
import { PasswordHasher } from './portal-users/password-hasher.js';
import { PasswordResets } from './portal-users/password-resets.service.js';
import { PortalAccessController } from './portal-users/portal-access.controller.js';
import { PortalSessions } from './portal-users/portal-sessions.service.js';
import { PortalUsersController } from './portal-users/portal-users.controller.js';
import { PortalUsersService } from './portal-users/portal-users.service.js';
import { RefreshTokens } from './portal-users/refresh-tokens.service.js';
import { PROVISION } from './provision/provision.module.js';
import { Readiness } from './readiness.js';
import { ResellersController } from './resellers/resellers.controller.js';
import { ResellersService } from './resellers/resellers.service.js';
import { CredentialDrops } from './sessions/credential-drops.js';
import { LoginThrottle } from './sessions/login-throttle.service.js';
import { SessionExpiry } from './sessions/session-expiry.sweeper.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { SessionsService } from './sessions/sessions.service.js';
import { ProviderRemoval } from './system-providers/provider-removal.service.js';
import { SystemProvidersController } from './system-providers/system-providers.controller.js';
import { SystemProvidersService } from './system-providers/system-providers.service.js';
import { TreeController } from './nodes/tree.controller.js';
import { UserIds } from './users/user-ids.service.js';
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
        ApiKeysController,
        GroupsController,
        HistoryController,
        ImportsController,
        InterfaceUsersController,
        LicenseTermsController,
        LicensingController,
        LoginHistoryController,
        PortalAccessController,
        PortalUsersController,
        ResellersController,
        SessionsController,
        SettingsController,
        SystemProvidersController,
        TreeController,
        UsersController,
      ],
      providers: [
        { provide: Clock, useValue: clock },
        { provide: HierarchyConfig, useValue: config },
        AccountEndings,
        Accounts,
        AlertGuard,
        AlertRecipients,
        ApiKeysService,
        BootstrapOperator,
        DeletionsService,
        ContactCentreHistory,
        CredentialDrops,
        GroupsService,
        HistoryService,
        ImportBatch,
        ImportRunner,
        ImportsService,
        IncidentTeller,
        InterfaceUserAccounts,
        InterfaceUsersService,
        LoginHistory,
        LoginThrottle,
        NodeSettingsService,
        NodesService,
        PasswordResets,
        PathsService,
        PortalSessions,
        SearchService,
        PasswordHasher,
        PortalUsersService,
        ProviderRemoval,
        BalancesService,
        PoolsService,
        PurchasesService,
        SubPurchasesService,
        ...PROVISION,
        Readiness,
        RefreshTokens,
        ResellersService,
        Entitlement,
        LicenseRequestsService,
        ExpiryAlerts,
        ExpiryItems,
        ForecastService,
        HoldingsService,
        LicenseClock,
        TermsService,
        TrialExpiry,
        TrialsService,
        SeatsService,
        SessionExpiry,
        SessionsService,
        SettingsService,
        SystemProvidersService,
        UserIds,
        UserLicensesService,
        UsersService,
        VerifiedLogins,
      ],
    };
  }
}
