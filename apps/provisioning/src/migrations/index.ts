import { M20261120Provisioning } from './m20261120-provisioning.js';

export const MIGRATIONS = [M20261120Provisioning];
