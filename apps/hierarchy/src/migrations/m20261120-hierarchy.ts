import { Migration } from '@mikro-orm/migrations';
import { OUTBOX_INBOX_SQL } from '@strowger/persistence';

/**
 * Natural keys are stored as given; the `_key` columns beside them hold the case-folded form for those that compare
 * without case. Uniqueness is on active rows, so an ended name may be used again.
 */
export class M20261120Hierarchy extends Migration {
  override name = 'm20261120-hierarchy';

  override up(): void {
    for (const sql of [TREE, PORTAL, LICENSING, HISTORY, OUTBOX_INBOX_SQL, SEARCH]) this.addSql(sql);
  }
}

const TREE = `
create table system_provider (
  id uuid primary key,
  name text not null,
  timezone text not null,
  language text not null,
  accounts_reference text,
  trial_duration_days int not null check (trial_duration_days between 0 and 90),
  alert_revision int not null default 0,
  version int not null,
  created_at timestamptz not null,
  ended_at timestamptz
);
create index system_provider_by_name on system_provider (name, id) where ended_at is null;

create table server_host_name (
  id uuid primary key,
  system_provider_id uuid not null references system_provider,
  host_name text not null,
  host_name_key text not null,
  created_at timestamptz not null,
  ended_at timestamptz
);
create unique index server_host_name_active on server_host_name (host_name_key) where ended_at is null;
create index server_host_name_of_provider on server_host_name (system_provider_id) where ended_at is null;

create table reseller (
  id uuid primary key,
  system_provider_id uuid not null references system_provider,
  key text not null,
  name text not null,
  kind text not null check (kind in ('enterprise', 'service-provider')),
  version int not null,
  created_at timestamptz not null,
  ended_at timestamptz
);
create unique index reseller_key_active on reseller (system_provider_id, key) where ended_at is null;
create index reseller_by_name on reseller (name, id) where ended_at is null;
create index reseller_of_provider on reseller (system_provider_id, name, id) where ended_at is null;

create table reseller_group (
  id uuid primary key,
  system_provider_id uuid not null,
  reseller_id uuid not null references reseller,
  key text not null,
  name text not null,
  version int not null,
  created_at timestamptz not null,
  ended_at timestamptz
);
create unique index reseller_group_key_active on reseller_group (reseller_id, key) where ended_at is null;
create index reseller_group_by_name on reseller_group (name, id) where ended_at is null;
create index reseller_group_of_provider on reseller_group (system_provider_id, name, id) where ended_at is null;
create index reseller_group_of_reseller on reseller_group (reseller_id, name, id) where ended_at is null;

create table app_user (
  id uuid primary key,
  system_provider_id uuid not null,
  reseller_id uuid not null,
  group_id uuid not null references reseller_group,
  broadworks_user_id text not null,
  broadworks_user_key text not null,
  name text not null,
  timezone text,
  language text,
  external_reference text,
  messaging_entitled boolean not null default false,
  license_revision int not null default 0,
  version int not null,
  created_at timestamptz not null,
  ended_at timestamptz
);
create unique index app_user_key_active on app_user (system_provider_id, broadworks_user_key) where ended_at is null;
create index app_user_by_name on app_user (name, id) where ended_at is null;
create index app_user_of_provider on app_user (system_provider_id, name, id) where ended_at is null;
create index app_user_of_reseller on app_user (reseller_id, name, id) where ended_at is null;
create index app_user_of_group on app_user (group_id, name, id) where ended_at is null;
`;

const PORTAL = `
create table portal_user (
  id uuid primary key,
  level text not null check (level in ('platform', 'system-provider', 'reseller', 'group')),
  system_provider_id uuid references system_provider,
  reseller_id uuid references reseller,
  group_id uuid references reseller_group,
  email text not null,
  email_key text not null,
  name text not null,
  role text not null check (role in ('administrator', 'support', 'agent')),
  password_hash text not null,
  technical_emails boolean not null,
  alerts boolean not null,
  invoices_and_receipts boolean not null,
  license_expiry_alerts boolean not null,
  last_successful_login_at timestamptz,
  last_unsuccessful_login_at timestamptz,
  version int not null,
  created_at timestamptz not null,
  ended_at timestamptz,
  check ((system_provider_id is null) = (level = 'platform')),
  check ((reseller_id is not null) = (level in ('reseller', 'group'))),
  check ((group_id is not null) = (level = 'group'))
);
create unique index portal_user_email_active on portal_user (email_key) where ended_at is null;
create index portal_user_by_name on portal_user (name, id) where ended_at is null;
create index portal_user_of_provider on portal_user (system_provider_id, name, id) where ended_at is null;
create index portal_user_of_reseller on portal_user (reseller_id, name, id) where ended_at is null;
create index portal_user_of_group on portal_user (group_id, name, id) where ended_at is null;
create index portal_user_alerted on portal_user (system_provider_id)
  where ended_at is null and alerts and level = 'system-provider';

create table alert_hold (
  platform_id uuid primary key,
  system_provider_id uuid not null references system_provider,
  created_at timestamptz not null
);
create index alert_hold_of_provider on alert_hold (system_provider_id);

create table session (
  id uuid primary key,
  family_id uuid not null,
  portal_user_id uuid not null references portal_user,
  token_hash text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  rotated_at timestamptz,
  revoked_at timestamptz
);
create unique index session_token on session (token_hash);
create index session_of_family on session (family_id);
create index session_of_portal_user on session (portal_user_id);
create index session_expiry on session (expires_at);

create table login_attempt (
  id uuid primary key,
  email_key text not null,
  ip text,
  at timestamptz not null,
  failed boolean not null
);
create index login_attempt_age on login_attempt (at);
create index login_attempt_failed_email on login_attempt (email_key, at) where failed;
create index login_attempt_failed_ip on login_attempt (ip, at) where failed;
`;

/** Sub-purchases of resellers and groups will be tables of their own; \`used\` is what is drawn from the provider. */
const LICENSING = `
create table license_purchase (
  id uuid primary key,
  system_provider_id uuid not null references system_provider,
  application text not null,
  license_type text not null,
  quantity int not null check (quantity >= 0),
  used int not null default 0 check (used >= 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint license_purchase_not_exceeded check (used <= quantity)
);
create unique index license_purchase_product on license_purchase (system_provider_id, application, license_type);

create table license_assignment (
  id uuid primary key,
  user_id uuid not null references app_user,
  system_provider_id uuid not null,
  reseller_id uuid not null,
  group_id uuid not null,
  application text not null,
  license_type text not null,
  assigned_at timestamptz not null,
  ended_at timestamptz
);
create unique index license_assignment_active on license_assignment (user_id, application, license_type)
  where ended_at is null;
`;

const HISTORY = `
create table history_entry (
  id uuid primary key,
  at timestamptz not null,
  actor_kind text not null,
  actor_id text not null,
  actor_name text not null,
  ip text,
  action text not null,
  object_kind text not null,
  object_id text not null,
  object_name text not null,
  changes jsonb not null,
  system_provider_id uuid,
  reseller_id uuid,
  group_id uuid,
  user_id uuid
);
create index history_entry_of_provider on history_entry (system_provider_id, id);
create index history_entry_of_reseller on history_entry (reseller_id, id) where reseller_id is not null;
create index history_entry_of_group on history_entry (group_id, id) where group_id is not null;
create index history_entry_of_user on history_entry (user_id, id) where user_id is not null;
create index history_entry_of_object on history_entry (object_id, id);

create function refuse_history_change() returns trigger language plpgsql as $fn$
begin
  raise exception 'the history is append-only';
end
$fn$;
create trigger history_entry_append_only before update or delete on history_entry
  for each row execute function refuse_history_change();
`;

/** Substring search in large lists. Where the role may not add the extension, search still works, only slower. */
const SEARCH = `
do $do$
begin
  execute format('create extension if not exists pg_trgm schema %I', current_schema());
  create index app_user_search on app_user using gin (name gin_trgm_ops, broadworks_user_id gin_trgm_ops)
    where ended_at is null;
exception when insufficient_privilege or undefined_file or undefined_object or feature_not_supported then
  raise notice 'pg_trgm is not available: substring search scans';
end
$do$;
`;
