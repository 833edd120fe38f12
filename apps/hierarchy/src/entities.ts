import { ApiKey } from './accounts/api-keys/api-key.entity.js';
import { Group } from './tree/groups/group.entity.js';
import { HistoryEntry } from './history/history-entry.entity.js';
import { InterfaceUser } from './accounts/interface-users/interface-user.entity.js';
import { LicenseAssignment } from './licensing/license-assignment.entity.js';
import { LicensePurchase } from './licensing/license-purchase.entity.js';
import { Trial } from './licensing/trials/trial.entity.js';
import { LoginHistoryEntry } from './accounts/logins/login-history.entity.js';
import { AlertHold } from './accounts/portal-users/alert-hold.entity.js';
import { PasswordReset } from './accounts/portal-users/password-reset.entity.js';
import { PortalUser } from './accounts/portal-users/portal-user.entity.js';
import { Session } from './accounts/portal-users/session.entity.js';
import { Reseller } from './tree/resellers/reseller.entity.js';
import { LoginAttempt } from './accounts/logins/login-attempt.entity.js';
import { ServerHostName } from './tree/system-providers/server-host-name.entity.js';
import { SystemProvider } from './tree/system-providers/system-provider.entity.js';
import { User } from './tree/users/user.entity.js';

export const ENTITIES = [
  AlertHold,
  ApiKey,
  Group,
  HistoryEntry,
  InterfaceUser,
  LicenseAssignment,
  LicensePurchase,
  LoginAttempt,
  LoginHistoryEntry,
  PasswordReset,
  PortalUser,
  Reseller,
  ServerHostName,
  Session,
  SystemProvider,
  Trial,
  User,
];
