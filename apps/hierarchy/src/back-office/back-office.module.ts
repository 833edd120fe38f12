import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { LicensingModule } from '../licensing/licensing.module.js';
import { TreeModule } from '../tree/tree.module.js';
import { ContactCentreOperations } from './contact-centre.operations.js';
import { LicensingOperations } from './licensing.operations.js';
import { PortalUsersOperations } from './portal-users.operations.js';
import { ProvisionService } from './provision.service.js';
import { StructureOperations } from './structure.operations.js';
import { TreeOperations } from './tree.operations.js';
import { UserLicensesReader } from './user-licenses.reader.js';

/** The SOAP door: its operations in the words of back offices, handed over to the services REST uses. */
@Module({
  imports: [AccountsModule, LicensingModule, TreeModule],
  providers: [
    ContactCentreOperations,
    LicensingOperations,
    PortalUsersOperations,
    ProvisionService,
    StructureOperations,
    TreeOperations,
    UserLicensesReader,
  ],
})
export class BackOfficeModule {
  /** @param deletions the module that provides `Deletions` */
  static with(deletions: Type): DynamicModule {
    return { module: BackOfficeModule, imports: [deletions] };
  }
}
