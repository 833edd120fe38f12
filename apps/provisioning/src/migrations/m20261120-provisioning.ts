import { Migration } from '@mikro-orm/migrations';
import { OUTBOX_INBOX_SQL } from '@strowger/persistence';
import { SAGA_SQL } from '@strowger/saga';

export class M20261120Provisioning extends Migration {
  override name = 'm20261120-provisioning';

  override up(): void {
    for (const sql of [PLATFORMS, NUMBERS, OUTBOX_INBOX_SQL, SAGA_SQL]) this.addSql(sql);
  }
}

const PLATFORMS = `
create table platform (
  id uuid primary key,
  system_provider_id uuid not null,
  kind text not null,
  name text not null,
  account text not null,
  sealed_secret text not null,
  sealed_exchange_token text,
  exchange_profile text,
  base_url text,
  sms_available boolean not null,
  user_can_block_numbers boolean not null,
  rate_per_second double precision not null check (rate_per_second > 0),
  carrier_incident_id uuid,
  exchange_incident_id uuid,
  exchange_refusals int not null default 0,
  exchange_slot_at timestamptz not null default clock_timestamp(),
  last_verified_at timestamptz,
  next_verify_at timestamptz not null,
  version int not null,
  created_at timestamptz not null,
  deleted_at timestamptz
);
create index platform_of_provider on platform (system_provider_id) where deleted_at is null;
create index platform_verify_due on platform (next_verify_at) where deleted_at is null;

create table alert_hold (
  platform_id uuid primary key,
  system_provider_id uuid not null,
  state text not null check (state in ('wanted', 'kept', 'unwanted')),
  changed_at timestamptz not null
);
create index alert_hold_unsettled on alert_hold (changed_at) where state <> 'kept';

create table hook_endpoint (
  id uuid primary key,
  platform_id uuid not null references platform,
  token_hash text not null unique,
  sealed_token text not null,
  created_at timestamptz not null,
  expires_at timestamptz
);
create unique index hook_endpoint_current on hook_endpoint (platform_id) where expires_at is null;
`;

/** A number is taken from the moment of its reservation until all that we did at the carrier is undone. */
const NUMBERS = `
create table cpaas_number (
  id uuid primary key,
  e164 text not null,
  friendly_name text not null,
  platform_id uuid not null references platform,
  system_provider_id uuid not null,
  reseller_id uuid not null,
  group_id uuid not null,
  user_id uuid not null,
  owner_kind text not null check (owner_kind in ('user', 'media-stream')),
  owner_name text not null,
  owner_revision int not null,
  broadworks_user_id text not null,
  state text not null check (state in ('provisioning', 'pending', 'active', 'failed', 'releasing', 'released', 'cleanup-required')),
  enablement text not null check (enablement in ('not-applicable', 'pending', 'enabled', 'failed')),
  enablement_job_id text,
  enablement_reason text,
  pending_since timestamptz,
  last_checked_at timestamptz,
  next_check_at timestamptz,
  check_errors int not null default 0,
  refreshed_at timestamptz,
  carrier_sid text,
  created_by_us boolean not null default false,
  release_operation_id uuid,
  release_when_ready boolean not null default false,
  delete_messages boolean not null default false,
  ended_because text check (ended_because in ('released', 'assignment-failed')),
  version int not null,
  created_at timestamptz not null,
  activated_at timestamptz,
  ended_at timestamptz,
  check ((state = 'released') = (ended_at is not null)),
  check (next_check_at is null or enablement = 'pending')
);
create unique index cpaas_number_active on cpaas_number (e164) where ended_at is null;
create index cpaas_number_of_provider on cpaas_number (system_provider_id, e164, id);
create index cpaas_number_of_reseller on cpaas_number (reseller_id, e164, id);
create index cpaas_number_of_group on cpaas_number (group_id, e164, id);
create index cpaas_number_of_user on cpaas_number (user_id, e164, id);
create index cpaas_number_of_platform on cpaas_number (platform_id) where ended_at is null;
create index cpaas_number_check_due on cpaas_number (next_check_at) where next_check_at is not null;

create table timeline_entry (
  id uuid primary key,
  number_id uuid not null references cpaas_number,
  at timestamptz not null,
  event text not null,
  summary text not null,
  exchange jsonb
);
create index timeline_entry_of_number on timeline_entry (number_id, id);

create table exchange_removal (
  number_id uuid primary key references cpaas_number,
  platform_id uuid not null references platform,
  e164 text not null,
  due_at timestamptz not null,
  attempts int not null default 0
);
create index exchange_removal_due on exchange_removal (due_at);

create table ended_user (
  user_id uuid primary key,
  ended_at timestamptz not null
);
`;
