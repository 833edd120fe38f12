import { Module } from '@nestjs/common';
import { HistoryModule } from '../history/history.module.js';
import { NodesModule } from '../nodes/nodes.module.js';
import { ApiKeysService } from './api-keys/api-keys.service.js';
import { IncidentReports } from './interface-users/incident-reports.service.js';
import { InterfaceUserAccounts } from './interface-users/interface-user-accounts.service.js';
import { InterfaceUsersService } from './interface-users/interface-users.service.js';
import { VerifiedLogins } from './interface-users/verified-logins.js';
import { LoginHistory } from './logins/login-history.service.js';
import { AccountEndings } from './portal-users/account-endings.service.js';
import { Accounts } from './portal-users/accounts.service.js';
import { AlertGuard } from './portal-users/alert-guard.service.js';
import { AlertRecipients } from './portal-users/alert-recipients.service.js';
import { BootstrapOperator } from './portal-users/bootstrap-operator.js';
import { Invitations } from './portal-users/invitations.service.js';
import { PasswordHasher } from './credentials/password-hasher.js';
import { PasswordResets } from './portal-users/password-resets.service.js';
import { PortalSessions } from './portal-users/portal-sessions.service.js';
import { PortalUsersService } from './portal-users/portal-users.service.js';
import { RefreshTokens } from './portal-users/refresh-tokens.service.js';
import { CredentialDrops } from './credentials/credential-drops.js';
import { EndedSessions } from './credentials/ended-sessions.js';
import { LoginThrottle } from './logins/login-throttle.service.js';
import { PastLogins } from './sessions/past-logins.service.js';
import { SessionExpiry } from './sessions/session-expiry.sweeper.js';
import { SessionsService } from './sessions/sessions.service.js';

/** Who signs in: portal users, interface users and API keys, their sessions and logins. Knows no other feature. */
@Module({
  imports: [HistoryModule, NodesModule],
  providers: [
    AccountEndings,
    Accounts,
    AlertGuard,
    AlertRecipients,
    ApiKeysService,
    BootstrapOperator,
    CredentialDrops,
    EndedSessions,
    IncidentReports,
    InterfaceUserAccounts,
    InterfaceUsersService,
    Invitations,
    LoginHistory,
    LoginThrottle,
    PasswordHasher,
    PasswordResets,
    PastLogins,
    PortalSessions,
    PortalUsersService,
    RefreshTokens,
    SessionExpiry,
    SessionsService,
    VerifiedLogins,
  ],
  exports: [AccountEndings, AlertRecipients, InterfaceUsersService, PortalUsersService],
})
export class AccountsModule {}
