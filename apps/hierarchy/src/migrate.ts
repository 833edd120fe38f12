/** `DATABASE_URL=… node dist/migrate.js` */
import { migrateService } from '@strowger/persistence';
import { MIGRATIONS } from './migrations/index.js';

await migrateService('hierarchy', MIGRATIONS);
