import { Module, type DynamicModule } from '@nestjs/common';
import { Clock, SystemClock } from '@strowger/kernel';
import { TimersModule } from '@strowger/jobs';
import { MessagingModule } from '@strowger/messaging';
import { PersistenceModule } from '@strowger/persistence';
import { ApiKeysController } from './accounts/api-keys/api-keys.controller.js';
import { ApiKeysService } from './accounts/api-keys/api-keys.service.js';
import { BootstrapOperator } from './accounts/portal-users/bootstrap-operator.js';
import { HierarchyConfig } from './config.js';
import { ENTITIES } from './entities.js';
import { GroupsController } from './tree/groups/groups.controller.js';
import { GroupsService } from './tree/groups/groups.service.js';
import { ContactCentreHistory } from './history/contact-centre-history.consumer.js';
import { HistoryController } from './history/history.controller.js';
import { HistoryService } from './history/history.service.js';
import { IncidentTeller } from './accounts/interface-users/incident-teller.service.js';
import { InterfaceUserAccounts } from './accounts/interface-users/interface-user-accounts.service.js';
import { InterfaceUsersController } from './accounts/interface-users/interface-users.controller.js';
import { ImportBatch } from './lifecycle/imports/import-batch.service.js';
import { ImportRunner } from './lifecycle/imports/import-runner.service.js';
import { ImportsController } from './lifecycle/imports/imports.controller.js';
import { ImportsService } from './lifecycle/imports/imports.service.js';
import { InterfaceUsersService } from './accounts/interface-users/interface-users.service.js';
import { VerifiedLogins } from './accounts/interface-users/verified-logins.js';
import { Entitlement } from './licensing/entitlement.service.js';
import { LicenseRequestsService } from './lifecycle/license-requests/license-requests.service.js';
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
import { LoginHistoryController } from './accounts/login-history/login-history.controller.js';
import { LoginHistory } from './accounts/login-history/login-history.service.js';
import { NodeSettingsService } from './tree/settings/node-settings.service.js';
import { DeletionsService } from './lifecycle/deletions/deletions.service.js';
import { NodesService } from './nodes/nodes.service.js';
import { PathsService } from './tree/paths/paths.service.js';
import { SearchService } from './tree/search/search.service.js';
import { SettingsController } from './tree/settings/settings.controller.js';
import { SettingsService } from './nodes/settings.service.js';
import { AccountEndings } from './accounts/portal-users/account-endings.service.js';
import { Accounts } from './accounts/portal-users/accounts.service.js';
import { AlertGuard } from './accounts/portal-users/alert-guard.service.js';
import { AlertRecipients } from './accounts/portal-users/alert-recipients.service.js';
import { PasswordHasher } from './accounts/portal-users/password-hasher.js';
import { PasswordResets } from './accounts/portal-users/password-resets.service.js';
import { PortalAccessController } from './accounts/portal-users/portal-access.controller.js';
import { PortalSessions } from './accounts/portal-users/portal-sessions.service.js';
import { PortalUsersController } from './accounts/portal-users/portal-users.controller.js';
import { PortalUsersService } from './accounts/portal-users/portal-users.service.js';
import { RefreshTokens } from './accounts/portal-users/refresh-tokens.service.js';
import { PROVISION } from './back-office/provision.module.js';
import { Readiness } from './readiness.js';
import { ResellersController } from './tree/resellers/resellers.controller.js';
import { ResellersService } from './tree/resellers/resellers.service.js';
import { CredentialDrops } from './accounts/sessions/credential-drops.js';
import { LoginThrottle } from './accounts/sessions/login-throttle.service.js';
import { SessionExpiry } from './accounts/sessions/session-expiry.sweeper.js';
import { SessionsController } from './accounts/sessions/sessions.controller.js';
import { SessionsService } from './accounts/sessions/sessions.service.js';
import { ProviderRemoval } from './lifecycle/deletions/provider-removal.service.js';
import { SystemProvidersController } from './tree/system-providers/system-providers.controller.js';
import { SystemProvidersService } from './tree/system-providers/system-providers.service.js';
import { TreeController } from './lifecycle/tree.controller.js';
import { UserIds } from './tree/users/user-ids.service.js';
import { UserLicensesService } from './tree/users/user-licenses.service.js';
import { UsersController } from './tree/users/users.controller.js';
import { UsersService } from './tree/users/users.service.js';

export const SERVICE = 'hierarchy';

@Module({})
export class AppModule {
  static forRoot(config: Readonly<HierarchyConfig>, clock: Clock = new SystemClock()): DynamicModule {
    const { databaseUrl, databasePoolSize: poolSize } = config;
    return {
      module: AppModule,
      imports: [
        TimersModule,
        MessagingModule.forRoot(),
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
