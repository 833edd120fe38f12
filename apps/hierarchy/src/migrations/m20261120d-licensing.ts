import { Migration } from '@mikro-orm/migrations';
import { LICENSING_FUNCTIONS } from './licensing-functions.js';

/**
 * Licensing by pool: purchases fill it, sub-purchases reserve shares of it for resellers and groups, assignments draw on
 * it. The rules are reference/provisioning-soap-api.md §6.3; the functions that apply them stand beside this file.
 */
export class M20261120dLicensing extends Migration {
  override name = 'm20261120d-licensing';

  override up(): void {
    for (const sql of [POOLS, SHARES, ASSIGNMENTS, LEDGER, TIME, LICENSING_FUNCTIONS, KEEP]) this.addSql(sql);
  }
}

/**
 * The pool is the row to lock for whatever changes a balance of its product. `own` is the sum of the purchases that
 * are active now, null when one of them is unlimited; `committed` is what resellers take of it.
 */
const POOLS = `
create table license_pool (
  id uuid primary key,
  system_provider_id uuid not null references system_provider,
  application text not null,
  license_type text not null,
  own int default 0 check (own >= 0),
  committed int not null default 0 check (committed >= 0),
  created_at timestamptz not null
) with (fillfactor = 50);
create unique index license_pool_product on license_pool (system_provider_id, application, license_type);

alter table license_purchase rename to license_purchase_before;
drop index license_purchase_product;

-- quantity null: unlimited. ends_at null: perpetual, else a term. Only an active one counts in the pool.
-- standing: the one perpetual purchase of a product whose quantity is set as such.
create table license_purchase (
  id uuid primary key,
  pool_id uuid not null references license_pool,
  system_provider_id uuid not null,
  application text not null,
  license_type text not null,
  quantity int check (quantity >= 0),
  starts_at timestamptz not null,
  ends_at timestamptz check (ends_at > starts_at),
  state text not null check (state in ('scheduled', 'active', 'grace', 'suspended', 'ended')),
  standing boolean not null default false,
  reference text,
  version int not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  ended_at timestamptz,
  check ((state = 'ended') = (ended_at is not null)),
  check (ends_at is not null or state not in ('grace', 'suspended'))
);
create index license_purchase_of_pool on license_purchase (pool_id);
create index license_purchase_of_provider on license_purchase (system_provider_id, id);
create unique index license_purchase_standing on license_purchase (pool_id) where standing and ended_at is null;
create index license_purchase_begins on license_purchase (starts_at) where state = 'scheduled';
create index license_purchase_ends on license_purchase (ends_at)
  where ends_at is not null and state in ('active', 'grace', 'suspended');
`;

/**
 * What a reseller or group has of a pool, one row each, changed under the pool's lock only. `quantity` is its
 * sub-purchase, null for none. `drawn` is what is taken from it: by a group's users, or by a reseller's groups.
 */
const SHARES = `
create table license_share (
  pool_id uuid not null references license_pool,
  node_id uuid not null,
  level text not null check (level in ('reseller', 'group')),
  reseller_id uuid not null,
  quantity int check (quantity >= 0),
  drawn int not null default 0 check (drawn >= 0),
  primary key (pool_id, node_id)
) with (fillfactor = 70);
create index license_share_of_node on license_share (node_id);
create index license_share_of_reseller on license_share (reseller_id);

-- Waives I2 for the reseller, never I1: its groups may draw more than it sub-purchased while the provider has room.
alter table reseller add column oversell text not null default 'NONE' check (oversell in ('NONE', 'PROVIDER_BACKED'));
`;

/** Room on the page of a user: an assignment changes its entitlement, and seven indexes should not hear of that. */
const ASSIGNMENTS = `
alter table license_assignment
  add column pool_id uuid,
  add column first_consumed_at timestamptz,
  add column last_consumed_at timestamptz,
  add column suspended_at timestamptz;
alter table license_assignment set (fillfactor = 90);
alter table app_user set (fillfactor = 50);
`;

/**
 * Every change of a balance, never changed itself: each balance is the sum or the last of its entries, in the order of
 * `id` within a pool. An entry of a purchase or sub-purchase holds the new quantity (null: unlimited, or no
 * sub-purchase) and whether it counts; one of an assignment holds +1 or −1 for its group.
 */
const LEDGER = `
create table license_ledger (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  system_provider_id uuid not null,
  pool_id uuid,
  kind text not null check (kind in ('purchase', 'sub-purchase', 'assignment', 'trial')),
  action text not null,
  item_id uuid not null,
  reseller_id uuid,
  group_id uuid,
  user_id uuid,
  change int not null default 0,
  quantity int,
  counts boolean,
  actor_kind text,
  actor_id text
);
create index license_ledger_of_pool on license_ledger (pool_id, at);

create function refuse_ledger_change() returns trigger language plpgsql as $fn$
begin
  raise exception 'the license ledger is append-only';
end
$fn$;
create trigger license_ledger_append_only before update or delete on license_ledger
  for each row execute function refuse_ledger_change();
create trigger license_ledger_not_emptied before truncate on license_ledger
  for each statement execute function refuse_ledger_change();
`;

/** Trials, client sessions and alerts. A trial outlives its user: one per user id and application, for ever. */
const TIME = `
create table trial (
  id uuid primary key,
  system_provider_id uuid not null references system_provider,
  user_key text not null,
  application text not null,
  license_type text not null,
  user_id uuid not null,
  reseller_id uuid not null,
  group_id uuid not null,
  duration_days int not null check (duration_days between 1 and 90),
  started_at timestamptz not null,
  ends_at timestamptz not null,
  state text not null check (state in ('running', 'superseded', 'expired')),
  ended_at timestamptz,
  superseded_by uuid,
  -- of an expired one: whether a permanent licence followed, and if none did, why
  licensed boolean,
  reason text,
  check ((state = 'running') = (ended_at is null))
);
create unique index trial_once on trial (system_provider_id, user_key, application);
create index trial_of_user on trial (user_id);
create index trial_of_group on trial (group_id, id);
create index trial_of_reseller on trial (reseller_id, id);
create index trial_of_provider on trial (system_provider_id, id);
create index trial_ends on trial (ends_at) where state = 'running';

create table license_session (
  id uuid primary key,
  user_id uuid not null references app_user,
  system_provider_id uuid not null,
  application text not null,
  license_type text,
  assignment_id uuid,
  trial_id uuid,
  started_at timestamptz not null,
  last_seen_at timestamptz not null,
  expires_at timestamptz not null,
  ended_at timestamptz
);
create unique index license_session_active on license_session (user_id, application) where ended_at is null;
create index license_session_expiry on license_session (expires_at) where ended_at is null;

-- An alert is made once per thing that ends, its end, threshold and recipient; a renewal has another end.
create table expiry_alert (
  id uuid primary key,
  system_provider_id uuid not null,
  item_kind text not null check (item_kind in ('purchase', 'sub-purchase', 'trial')),
  item_id uuid not null,
  expires_at timestamptz not null,
  -- -1: told of what came after the end
  threshold_days int not null check (threshold_days >= -1),
  portal_user_id uuid not null,
  created_at timestamptz not null
);
create unique index expiry_alert_once on expiry_alert (item_kind, item_id, expires_at, threshold_days, portal_user_id);
create index portal_user_told_of_expiry on portal_user (id) where ended_at is null and license_expiry_alerts;
create index expiry_alert_of_provider on expiry_alert (system_provider_id, id);
`;

/** What was purchased and assigned before is a pool with one perpetual purchase, and opens the ledger. */
const KEEP = `
insert into license_pool (id, system_provider_id, application, license_type, own, committed, created_at)
  select id, system_provider_id, application, license_type, quantity, used, created_at from license_purchase_before;
insert into license_purchase (id, pool_id, system_provider_id, application, license_type, quantity, starts_at, state,
    standing, created_at, updated_at)
  select gen_random_uuid(), id, system_provider_id, application, license_type, quantity, created_at, 'active', true,
    created_at, updated_at from license_purchase_before;
drop table license_purchase_before;

update license_assignment a set pool_id = p.id from license_pool p
  where (p.system_provider_id, p.application, p.license_type) = (a.system_provider_id, a.application, a.license_type);
alter table license_assignment alter column pool_id set not null;
create index license_assignment_of_group on license_assignment (group_id, pool_id) where ended_at is null;
create index license_assignment_newest on license_assignment (pool_id, assigned_at) where ended_at is null;
create index license_assignment_suspended on license_assignment (pool_id)
  where ended_at is null and suspended_at is not null;
create index license_assignment_consumed on license_assignment (pool_id, group_id)
  where ended_at is null and first_consumed_at is not null;

insert into license_share (pool_id, node_id, level, reseller_id, drawn)
  select pool_id, group_id, 'group', reseller_id, count(*) from license_assignment
  where ended_at is null group by pool_id, group_id, reseller_id;
insert into license_share (pool_id, node_id, level, reseller_id, drawn)
  select pool_id, reseller_id, 'reseller', reseller_id, sum(drawn) from license_share group by pool_id, reseller_id;

insert into license_ledger (at, system_provider_id, pool_id, kind, action, item_id, quantity, counts)
  select created_at, system_provider_id, pool_id, 'purchase', 'opened', id, quantity, true from license_purchase;
insert into license_ledger (at, system_provider_id, pool_id, kind, action, item_id, reseller_id, group_id, user_id, change)
  select assigned_at, system_provider_id, pool_id, 'assignment', 'opened', id, reseller_id, group_id, user_id, 1
  from license_assignment where ended_at is null order by assigned_at, id;
`;
