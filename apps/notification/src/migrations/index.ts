import type { MigrationClass } from '@strowger/persistence';
import { M20261120Initial } from './m20261120-initial.js';
import { M20261120eSealedMail } from './m20261120e-sealed-mail.js';

/** In order; a deployed one is not edited. */
export const MIGRATIONS: readonly MigrationClass[] = [M20261120Initial, M20261120eSealedMail];
