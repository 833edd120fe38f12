import { Migrator, type Migration } from '@mikro-orm/migrations';
import type { Constructor } from '@mikro-orm/postgresql';
import { environment } from '@strowger/config';
import { logger } from '@strowger/telemetry';
import { sql, type Kysely } from 'kysely';
import { openOrm } from './orm.js';

export type MigrationClass = Constructor<Migration>;

export interface MigrateOptions {
  databaseUrl: string;
  /** Also the schema's name; it is made when missing and the role may. */
  service: string;
  /** In order. A class is named after its date: `M20261120a`. */
  migrations: readonly MigrationClass[];
}

/** The tables behind Outbox and Inbox; each service's first migration runs this: `this.addSql(OUTBOX_INBOX_SQL)`. */
export const OUTBOX_INBOX_SQL = `
create table outbox (
  id uuid primary key,
  type text not null,
  subject text not null,
  sequence bigint not null,
  tenant_id text,
  traceparent text,
  event text not null,
  created_at timestamptz not null default clock_timestamp(),
  published_at timestamptz
);
create index outbox_unpublished on outbox (created_at, id) where published_at is null;
create index outbox_published on outbox (published_at) where published_at is not null;
create table inbox (
  consumer text not null,
  event_id text not null,
  handled_at timestamptz not null default clock_timestamp(),
  primary key (consumer, event_id)
);
create index inbox_handled on inbox (handled_at);
`;

const TABLE = 'migration';
const log = logger('persistence');

/** Brings the service's schema up to date, all or nothing. Safe to call from several processes at once. Returns what it applied. */
export async function migrate({ databaseUrl, service, migrations }: MigrateOptions): Promise<string[]> {
  const orm = await openOrm({
    service,
    databaseUrl,
    poolSize: 3,
    entities: [],
    extra: {
      extensions: [Migrator],
      migrations: {
        migrationsList: migrations.map((migration) => ({ name: migration.name, class: migration })),
        tableName: `${service}.${TABLE}`,
        transactional: true,
        allOrNothing: true,
        snapshot: false,
        // Would need a superuser.
        disableForeignKeys: false,
      },
    },
  });
  try {
    const kysely = orm.em.fork().getKysely() as unknown as Kysely<unknown>;
    return await kysely.connection().execute(async (connection) => {
      const key = sql`hashtext('strowger.migrate'), hashtext(${service})`;
      await sql`select pg_advisory_lock(${key})`.execute(connection);
      try {
        // A role that may not create schemas is refused even by "if not exists".
        const { rows } = await sql`select 1 from pg_namespace where nspname = ${service}`.execute(connection);
        if (rows.length === 0) await sql`create schema ${sql.id(service)}`.execute(connection);
        const applied = (await orm.migrator.up()).map(({ name }) => name);
        if (applied.length > 0) log.info({ service, applied }, 'migrated');
        return applied;
      } finally {
        await sql`select pg_advisory_unlock(${key})`.execute(connection).catch(() => undefined);
      }
    });
  } finally {
    await orm.close();
  }
}

/** The program `migrate` of a service: `DATABASE_URL=… node dist/migrate.js`. */
export async function migrateService(service: string, migrations: readonly MigrationClass[]): Promise<void> {
  const databaseUrl = environment['DATABASE_URL'];
  if (!databaseUrl) throw new Error("DATABASE_URL is required: the service's role in its database.");
  await migrate({ databaseUrl, service, migrations });
}
