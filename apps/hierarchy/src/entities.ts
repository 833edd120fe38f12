import { ApiKey } from './api-keys/api-key.entity.js';
import { Group } from './groups/group.entity.js';
import { HistoryEntry } from './history/history-entry.entity.js';
import { InterfaceUser } from './interface-users/interface-user.entity.js';
import { LicenseAssignment } from './licensing/license-assignment.entity.js';
import { LicensePurchase } from './licensing/license-purchase.entity.js';
import { Trial } from './licensing/trials/trial.entity.js';
import { LoginHistoryEntry } from './login-history/login-history.entity.js';
import { AlertHold } from './portal-users/alert-hold.entity.js';
import { PasswordReset } from './portal-users/password-reset.entity.js';
import { PortalUser } from './portal-users/portal-user.entity.js';
import { Session } from './portal-users/session.entity.js';
import { Reseller } from './resellers/reseller.entity.js';
import { LoginAttempt } from './sessions/login-attempt.entity.js';
import { ServerHostName } from './system-providers/server-host-name.entity.js';
import { SystemProvider } from './system-providers/system-provider.entity.js';
import { User } from './users/user.entity.js';

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
