import { Migration } from '@mikro-orm/migrations';

/** Search across the tree, and bulk imports of users. */
export class M20261120cTree extends Migration {
  override name = 'm20261120c-tree';

  override up(): void {
    for (const sql of [SEARCH, IMPORTS]) this.addSql(sql);
  }
}

/** As for users: where pg_trgm is not available, search scans. */
const SEARCH = `
do $do$
begin
  create index reseller_search on reseller using gin (name gin_trgm_ops, key gin_trgm_ops) where ended_at is null;
  create index reseller_group_search on reseller_group using gin (name gin_trgm_ops, key gin_trgm_ops)
    where ended_at is null;
  create index portal_user_search on portal_user using gin (name gin_trgm_ops, email gin_trgm_ops)
    where ended_at is null;
exception when undefined_object then
  raise notice 'pg_trgm is not available: substring search scans';
end
$do$;
`;

/**
 * A file arrives in parts, becomes rows, and these are worked off in batches. A row's state commits together with its
 * effect, so a process that dies on the way leaves nothing half done and nothing to do twice.
 */
const IMPORTS = `
create table user_import (
  id uuid primary key,
  system_provider_id uuid not null references system_provider,
  file_name text,
  dry_run boolean not null,
  state text not null check (state in ('receiving', 'waiting', 'running', 'done', 'failed', 'cancelled')),
  actor jsonb not null,
  problem text,
  rows int not null default 0,
  created int not null default 0,
  kept int not null default 0,
  failed int not null default 0,
  created_at timestamptz not null,
  worked_at timestamptz,
  finished_at timestamptz
);
create index user_import_of_provider on user_import (system_provider_id, id);
create index user_import_open on user_import (id) where finished_at is null;
create index user_import_finished on user_import (finished_at) where finished_at is not null;

create table user_import_part (
  import_id uuid not null references user_import on delete cascade,
  number int not null,
  content text not null,
  primary key (import_id, number)
);

create table user_import_row (
  import_id uuid not null references user_import on delete cascade,
  number int not null,
  reseller_key text not null,
  reseller_name text not null,
  group_key text not null,
  group_name text not null,
  broadworks_user_id text not null,
  user_key text not null,
  user_name text not null,
  application text not null,
  license_type text not null,
  state text not null check (state in ('pending', 'created', 'kept', 'failed')),
  user_id uuid,
  -- took a licence, or would have
  drew boolean not null default false,
  code text,
  message text,
  primary key (import_id, number)
);
create index user_import_row_pending on user_import_row (import_id, number) where state = 'pending';
-- A dry run makes no users: whom an earlier row would have made is looked up here.
create index user_import_row_user on user_import_row (import_id, user_key);
create index user_import_row_failed on user_import_row (import_id, number) where state = 'failed';
`;
