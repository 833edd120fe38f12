import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { HistoryModule } from '../history/history.module.js';
import { LicensingModule } from '../licensing/licensing.module.js';
import { NodesModule } from '../nodes/nodes.module.js';
import { GroupsService } from './groups/groups.service.js';
import { NaturalKeysService } from './natural-keys.service.js';
import { PathBatches } from './paths/path-batches.service.js';
import { PathsService } from './paths/paths.service.js';
import { ResellersService } from './resellers/resellers.service.js';
import { SearchService } from './search/search.service.js';
import { NodeSettingsService } from './settings/node-settings.service.js';
import { SystemProvidersService } from './system-providers/system-providers.service.js';
import { UserIds } from './users/user-ids.service.js';
import { UserLicensesService } from './users/user-licenses.service.js';
import { UsersService } from './users/users.service.js';

/** System providers, resellers, groups and users: made, found, changed, and given licenses. */
@Module({
  imports: [AccountsModule, HistoryModule, LicensingModule, NodesModule],
  providers: [
    GroupsService,
    NaturalKeysService,
    NodeSettingsService,
    PathBatches,
    PathsService,
    ResellersService,
    SearchService,
    SystemProvidersService,
    UserIds,
    UserLicensesService,
    UsersService,
  ],
  exports: [
    GroupsService,
    NaturalKeysService,
    NodeSettingsService,
    PathBatches,
    PathsService,
    ResellersService,
    SystemProvidersService,
    UserIds,
    UserLicensesService,
    UsersService,
  ],
})
export class TreeModule {}
