export { arrayLiteral } from './array-literal.js';
export { Db, type TransactionOptions } from './db.js';
export { DatabaseUnavailable, isDatabaseAway, isRetryable, SchemaBehind, sqlState, uniqueViolation } from './errors.js';
export { Inbox } from './inbox.js';
export { migrate, type MigrateOptions, migrateService, type MigrationClass, OUTBOX_INBOX_SQL } from './migrate.js';
export { type EntityType, openOrm, type OrmSettings } from './orm.js';
export { Outbox, type OutboxOptions, OutboxRow, type OutboxValues, selectOutboxRows } from './outbox.js';
export { OutboxRelay, type OutboxRelayOptions } from './outbox-relay.js';
export { PersistenceModule, type PersistenceModuleOptions } from './persistence.module.js';
export { inScope } from './scope.js';
export { Migration } from '@mikro-orm/migrations';
/** kysely's tag, for `db.query(sql\`…\`)`. */
export { type RawBuilder, sql } from 'kysely';
