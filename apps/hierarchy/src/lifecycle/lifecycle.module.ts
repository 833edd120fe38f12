import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { HistoryModule } from '../history/history.module.js';
import { LicensingModule } from '../licensing/licensing.module.js';
import { NodesModule } from '../nodes/nodes.module.js';
import { Deletions } from '../tree/deletions.js';
import { TreeModule } from '../tree/tree.module.js';
import { DeletionsService } from './deletions/deletions.service.js';
import { ImportBatch } from './imports/import-batch.service.js';
import { ImportRunner } from './imports/import-runner.service.js';
import { ImportsService } from './imports/imports.service.js';
import { LicenseRequestsService } from './license-requests/license-requests.service.js';

/** What happens to nodes as a whole, across features: deletions, imports, and the accounts that clients make by asking. */
@Module({
  imports: [AccountsModule, HistoryModule, LicensingModule, NodesModule, TreeModule],
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
