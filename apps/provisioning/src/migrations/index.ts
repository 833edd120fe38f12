import { M20261120Provisioning } from './m20261120-provisioning.js';
import { M20261120bChangedUser } from './m20261120b-changed-user.js';

export const MIGRATIONS = [M20261120Provisioning, M20261120bChangedUser];
