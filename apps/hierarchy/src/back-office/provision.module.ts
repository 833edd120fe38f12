import { ContactCentreOperations } from './contact-centre.operations.js';
import { LicensingOperations } from './licensing.operations.js';
import { NaturalKeysService } from '../tree/natural-keys.service.js';
import { PortalUsersOperations } from './portal-users.operations.js';
import { ProvisionController } from './provision.controller.js';
import { ProvisionService } from './provision.service.js';
import { StructureOperations } from './structure.operations.js';
import { TreeOperations } from './tree.operations.js';
import { UserLicensesReader } from './user-licenses.reader.js';

/** Providers behind the SOAP door, for the service's module. */
export const PROVISION = [
  ContactCentreOperations,
  LicensingOperations,
  NaturalKeysService,
  PortalUsersOperations,
  ProvisionController,
  ProvisionService,
  StructureOperations,
  TreeOperations,
  UserLicensesReader,
];
