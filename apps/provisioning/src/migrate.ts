import { environment } from '@strowger/config';
import { migrate } from '@strowger/persistence';
import { MIGRATIONS } from './migrations/index.js';

/** `DATABASE_URL=… node dist/migrate.js` */
const databaseUrl = environment['DATABASE_URL'];
if (!databaseUrl) throw new Error('DATABASE_URL is required: the service’s role in its database.');
await migrate({ databaseUrl, service: 'provisioning', migrations: MIGRATIONS });
