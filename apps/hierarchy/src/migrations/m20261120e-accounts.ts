import { Migration } from '@mikro-orm/migrations';

/** Portal users that can be locked and named, interface users, API keys, and the history of logins. */
export class M20261120eAccounts extends Migration {
  override name = 'm20261120e-accounts';

  override up(): void {
    for (const sql of [PORTAL_USERS, INTERFACE_USERS, LOGIN_HISTORY, API_KEYS]) this.addSql(sql);
  }
}

const PORTAL_USERS = `
alter table portal_user
  add user_name text,
  add user_name_key text,
  add timezone text,
  add locked_at timestamptz;
create unique index portal_user_name_active on portal_user (system_provider_id, user_name_key) where ended_at is null;

alter table session
  add ip text,
  add user_agent text,
  add started_at timestamptz;
update session set started_at = created_at;
alter table session alter started_at set not null;

/* also for e-mail addresses nobody has, so that asking costs and leaves the same */
create table password_reset (
  id uuid primary key,
  portal_user_id uuid references portal_user,
  email_key text not null,
  ip text,
  token_hash text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
create unique index password_reset_token on password_reset (token_hash);
create index password_reset_of_email on password_reset (email_key, created_at);
create index password_reset_of_ip on password_reset (ip, created_at);
create index password_reset_of_portal_user on password_reset (portal_user_id) where used_at is null;
create index password_reset_age on password_reset (created_at);
`;

const INTERFACE_USERS = `
create table interface_user (
  id uuid primary key,
  system_provider_id uuid not null references system_provider,
  name text not null,
  name_key text not null,
  email text not null,
  timezone text,
  description text,
  password_hash text not null,
  /* counts every change that ends what was verified before: password, lock, addresses, disabling, deletion */
  auth_revision int not null default 1,
  disabled boolean not null default false,
  locked_at timestamptz,
  lock_reason text check (lock_reason in ('bad-password', 'acl-denied', 'administrator')),
  last_successful_login_at timestamptz,
  last_unsuccessful_login_at timestamptz,
  last_unsuccessful_login_remark text,
  version int not null,
  created_at timestamptz not null,
  ended_at timestamptz,
  check ((locked_at is null) = (lock_reason is null))
);
create unique index interface_user_name_active on interface_user (name_key) where ended_at is null;
create index interface_user_by_name on interface_user (name, id) where ended_at is null;
create index interface_user_of_provider on interface_user (system_provider_id, name, id) where ended_at is null;

/* those of active interface users only: whoever is on none of them learns nothing about any name */
create table interface_user_address (
  interface_user_id uuid not null references interface_user,
  network inet not null,
  description text,
  position int not null,
  primary key (interface_user_id, network)
);
create index interface_user_address_network on interface_user_address using gist (network inet_ops);
`;

const LOGIN_HISTORY = `
create table login_history (
  id uuid primary key,
  at timestamptz not null,
  last_at timestamptz not null,
  count int not null check (count > 0),
  account_kind text check (account_kind in ('interface-user', 'portal-user')),
  account_id uuid,
  presented_user_name text not null,
  address text,
  forwarded_for text,
  outcome text not null check (outcome in
    ('SUCCESS', 'BAD_PASSWORD', 'UNKNOWN_USER', 'LOCKED', 'DISABLED', 'ACL_DENIED', 'NOT_INTERFACE_USER')),
  binding text check (binding in ('SOAP11', 'SOAP12', 'FORM', 'PORTAL')),
  operation text,
  user_agent text,
  request_id text,
  /* rows of the same kind within an hour are counted in one */
  same_as text
);
create unique index login_history_same on login_history (same_as);
create index login_history_of_account on login_history (account_id, id) where account_id is not null;
create index login_history_age on login_history (at);

create function refuse_login_history_change() returns trigger language plpgsql as $fn$
begin
  if tg_op = 'DELETE' then
    if current_setting('strowger.retention', true) = 'on' then return old; end if;
  elsif new.count > old.count and new.last_at >= old.last_at
    and (to_jsonb(new) - 'count' - 'last_at') = (to_jsonb(old) - 'count' - 'last_at') then
    return new;
  end if;
  raise exception 'the login history is append-only';
end
$fn$;
create trigger login_history_append_only before update or delete on login_history
  for each row execute function refuse_login_history_change();
`;

const API_KEYS = `
create table api_key (
  id uuid primary key,
  level text not null check (level in ('platform', 'system-provider', 'reseller', 'group')),
  system_provider_id uuid references system_provider,
  reseller_id uuid references reseller,
  group_id uuid references reseller_group,
  name text not null,
  prefix text not null,
  secret_hash text not null,
  previous_secret_hash text,
  previous_secret_ends_at timestamptz,
  permissions text[] not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  last_used_ip text,
  created_by text not null,
  version int not null,
  created_at timestamptz not null,
  ended_at timestamptz,
  check ((system_provider_id is null) = (level = 'platform')),
  check ((reseller_id is not null) = (level in ('reseller', 'group'))),
  check ((group_id is not null) = (level = 'group'))
);
create unique index api_key_prefix on api_key (prefix);
create index api_key_by_name on api_key (name, id) where ended_at is null;
create index api_key_of_provider on api_key (system_provider_id, name, id) where ended_at is null;
create index api_key_of_reseller on api_key (reseller_id, name, id) where ended_at is null;
create index api_key_of_group on api_key (group_id, name, id) where ended_at is null;
`;
