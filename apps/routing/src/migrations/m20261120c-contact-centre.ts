import { Migration } from '@strowger/persistence';

/** The records of the contact centre, and where users are in the tree. */
export class M20261120cContactCentre extends Migration {
  override up(): void {
    this.addSql(`
      create table queue (
        id uuid primary key,
        system_provider_id uuid not null,
        reseller_id uuid not null,
        /* null: the queue is the reseller's own */
        group_id uuid,
        name text not null,
        version int not null default 1,
        created_at timestamptz not null,
        ended_at timestamptz
      )`);
    this.addSql(
      `create unique index queue_name_active on queue (coalesce(group_id, reseller_id), name) where ended_at is null`,
    );
    this.addSql(`
      create table media_stream (
        id uuid primary key,
        queue_id uuid not null references queue,
        system_provider_id uuid not null,
        reseller_id uuid not null,
        group_id uuid,
        name text not null,
        type text not null,
        number text,
        version int not null default 1,
        created_at timestamptz not null,
        ended_at timestamptz,
        check (type <> 'SMS' or number is not null)
      )`);
    this.addSql(`create unique index media_stream_name_active on media_stream (queue_id, name) where ended_at is null`);
    this.addSql(`create unique index media_stream_number_active on media_stream (number) where ended_at is null`);
    this.addSql(`
      create table agent_association (
        id uuid primary key,
        system_provider_id uuid not null,
        reseller_id uuid not null,
        group_id uuid not null,
        portal_user_id uuid not null,
        /* as hierarchy last told; its sequence keeps older news out */
        name text not null,
        email text not null,
        portal_user_sequence bigint not null,
        version int not null default 1,
        created_at timestamptz not null,
        ended_at timestamptz
      )`);
    this.addSql(
      `create unique index agent_association_active on agent_association (group_id, portal_user_id) where ended_at is null`,
    );
    this.addSql(
      `create index agent_association_portal_user on agent_association (portal_user_id) where ended_at is null`,
    );
    for (const table of ['queue', 'media_stream', 'agent_association'])
      for (const node of ['system_provider_id', 'reseller_id', 'group_id'])
        this.addSql(
          `create index ${table}_${node.slice(0, -3)} on ${table} (${node}, name, id) where ended_at is null`,
        );
    // Groups, resellers, system providers and portal users that are gone: nothing is added to them any more.
    this.addSql(`create table ended_node (node_id uuid primary key, ended_at timestamptz not null)`);
    // Users move; then the portal users of the new place may see their messages.
    this.addSql(`
      create table user_place (
        user_id uuid primary key,
        reseller_id uuid not null,
        group_id uuid not null,
        sequence bigint not null
      )`);
    this.addSql(`create index owned_number_of_reseller on owned_number (reseller_id, user_id)`);
    this.addSql(`create index owned_number_of_group on owned_number (group_id, user_id)`);
    // A move changes ended assignments too, so the index of the active ones is not enough.
    this.addSql(`drop index owned_number_user`);
    this.addSql(`create index owned_number_user on owned_number (user_id)`);
  }
}
