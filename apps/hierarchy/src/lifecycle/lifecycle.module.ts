import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { HistoryModule } from '../history/history.module.js';
import { LicensingModule } from '../licensing/licensing.module.js';
import { NodesModule } from '../nodes/nodes.module.js';
import { Deletions } from '../tree/deletions.js';
import { TreeModule } from '../tree/tree.module.js';
import { DeletionsController } from './deletions/deletions.controller.js';
import { DeletionsService } from './deletions/deletions.service.js';
import { ImportBatch } from './imports/import-batch.service.js';
import { ImportRunner } from './imports/import-runner.service.js';
import { ImportsController } from './imports/imports.controller.js';
import { ImportsService } from './imports/imports.service.js';
import { LicenseRequestsController } from './license-requests/license-requests.controller.js';
import { LicenseRequestsService } from './license-requests/license-requests.service.js';

/** What happens to nodes as a whole, across features: deletions, imports, and the accounts that clients make by asking. */
@Module({
  imports: [AccountsModule, HistoryModule, LicensingModule, NodesModule, TreeModule],
  controllers: [DeletionsController, ImportsController, LicenseRequestsController],
  providers: [
    DeletionsService,
    ImportBatch,
    ImportRunner,
    ImportsService,
    LicenseRequestsService,
    { provide: Deletions, useExisting: DeletionsService },
  ],
  exports: [Deletions],
})
export class LifecycleModule {}
