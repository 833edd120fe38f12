import { Group } from './groups/group.entity.js';
import { HistoryEntry } from './history/history-entry.entity.js';
import { LicenseAssignment } from './licensing/license-assignment.entity.js';
import { LicensePurchase } from './licensing/license-purchase.entity.js';
import { AlertHold } from './portal-users/alert-hold.entity.js';
import { PortalUser } from './portal-users/portal-user.entity.js';
import { Session } from './portal-users/session.entity.js';
import { Reseller } from './resellers/reseller.entity.js';
import { LoginAttempt } from './sessions/login-attempt.entity.js';
import { ServerHostName } from './system-providers/server-host-name.entity.js';
import { SystemProvider } from './system-providers/system-provider.entity.js';
import { User } from './users/user.entity.js';

export const ENTITIES = [
  AlertHold,
  Group,
  HistoryEntry,
  LicenseAssignment,
  LicensePurchase,
  LoginAttempt,
  PortalUser,
  Reseller,
  ServerHostName,
  Session,
  SystemProvider,
  User,
];
