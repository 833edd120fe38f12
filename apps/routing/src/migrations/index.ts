import type { MigrationClass } from '@strowger/persistence';
import { M20261120Initial } from './m20261120-initial.js';
import { M20261120bStoreInbound } from './m20261120b-store-inbound.js';
import { M20261120cContactCentre } from './m20261120c-contact-centre.js';
import { M20261201Parts } from './m20261201-parts.js';
import { M20261201bLookAt } from './m20261201b-look-at.js';

/** In order; a deployed one is not edited. */
export const MIGRATIONS: readonly MigrationClass[] = [
  M20261120Initial,
  M20261120bStoreInbound,
  M20261120cContactCentre,
  M20261201Parts,
  M20261201bLookAt,
];
