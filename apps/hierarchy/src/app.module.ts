import { Module, type DynamicModule } from '@nestjs/common';
import { TimersModule } from '@strowger/jobs';
import { Clock, SystemClock } from '@strowger/kernel';
import { MessagingModule } from '@strowger/messaging';
import { PersistenceModule } from '@strowger/persistence';
import { AccountsModule } from './accounts/accounts.module.js';
import { BackOfficeModule } from './back-office/back-office.module.js';
import type { HierarchyConfig } from './config.js';
import { ENTITIES } from './entities.js';
import { LicensingModule } from './licensing/licensing.module.js';
import { LifecycleModule } from './lifecycle/lifecycle.module.js';
import { MIGRATIONS } from './migrations/index.js';
import { TreeModule } from './tree/tree.module.js';

export const SERVICE = 'hierarchy';

/**
 * Five features. lifecycle and back-office use tree, licensing and accounts; tree uses licensing and accounts; these two
 * use none. `history` and `nodes` are under all of them. Lint keeps it so.
 */
@Module({})
export class AppModule {
  static forRoot(config: Readonly<HierarchyConfig>, clock: Clock = new SystemClock()): DynamicModule {
    const { databaseUrl, databasePoolSize: poolSize } = config;
    return {
      module: AppModule,
      global: true,
      imports: [
        TimersModule,
        MessagingModule.forRoot(),
        PersistenceModule.forRoot({
          service: SERVICE,
          databaseUrl,
          poolSize,
          entities: ENTITIES,
          migrations: MIGRATIONS,
        }),
        AccountsModule,
        LicensingModule,
        TreeModule,
        LifecycleModule,
        BackOfficeModule.with(LifecycleModule),
      ],
      providers: [{ provide: Clock, useValue: clock }],
      exports: [Clock],
    };
  }
}
