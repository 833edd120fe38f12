import { M20261120Provisioning } from './m20261120-provisioning.js';
import { M20261120bChangedUser } from './m20261120b-changed-user.js';
import { M20261201Credentials } from './m20261201-credentials.js';

export const MIGRATIONS = [M20261120Provisioning, M20261120bChangedUser, M20261201Credentials];
