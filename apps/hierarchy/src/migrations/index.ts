import { M20261120Hierarchy } from './m20261120-hierarchy.js';
import { M20261120bStructure } from './m20261120b-structure.js';
import { M20261120cTree } from './m20261120c-tree.js';
import { M20261120dLicensing } from './m20261120d-licensing.js';
import { M20261120eAccounts } from './m20261120e-accounts.js';
import { M20261120fProvision } from './m20261120f-provision.js';
import { M20261201Invitations } from './m20261201-invitations.js';
import { M20261201bReadsTexts } from './m20261201b-reads-texts.js';

export const MIGRATIONS = [
  M20261120Hierarchy,
  M20261120bStructure,
  M20261120cTree,
  M20261120dLicensing,
  M20261120eAccounts,
  M20261120fProvision,
  M20261201Invitations,
  M20261201bReadsTexts,
];
