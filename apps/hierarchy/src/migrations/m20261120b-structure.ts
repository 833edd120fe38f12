import { Migration } from '@mikro-orm/migrations';

/**
 * System providers below others, and settings that a node may leave to the node above: null means "as above". `path`
 * holds the ids from the top down to the row itself, so a subtree is one look into its index.
 */
export class M20261120bStructure extends Migration {
  override name = 'm20261120b-structure';

  override up(): void {
    this.addSql(TREE);
    this.addSql(SETTINGS);
  }
}

const TREE = `
alter table system_provider
  add parent_id uuid references system_provider,
  add path uuid[],
  add key text;
update system_provider set path = array[id];
alter table system_provider
  alter path set not null,
  add check (path[cardinality(path)] = id),
  add check (parent_id is not distinct from path[cardinality(path) - 1]);
create index system_provider_path on system_provider using gin (path);
create unique index system_provider_key_active on system_provider (parent_id, key) nulls not distinct
  where ended_at is null and key is not null;
create index system_provider_of_parent on system_provider (parent_id, name, id) where ended_at is null;
`;

const SETTINGS = `
alter table system_provider
  alter timezone drop not null,
  alter language drop not null,
  alter trial_duration_days drop not null,
  add branding_reference text,
  add use_trial_licenses_until_expiration boolean,
  add snapshot_report_frequency text check (snapshot_report_frequency in ('none', 'daily', 'weekly', 'monthly')),
  add auto_create_from_client boolean,
  add new_reseller_kind text check (new_reseller_kind in ('enterprise', 'service-provider')),
  add automatic_assignment jsonb;
alter table reseller add timezone text, add language text, add branding_reference text, add accounts_reference text;
alter table reseller_group add timezone text, add language text, add branding_reference text;
alter table app_user add branding_reference text;
`;
