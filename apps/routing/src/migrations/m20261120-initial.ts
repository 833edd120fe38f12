import { Migration, OUTBOX_INBOX_SQL } from '@strowger/persistence';

export class M20261120Initial extends Migration {
  override up(): void {
    this.addSql(OUTBOX_INBOX_SQL);
    // What provisioning and hierarchy report; the sequence keeps older news out.
    this.addSql(`
      create table owned_number (
        number_id uuid primary key,
        e164 text not null,
        friendly_name text not null,
        platform_id uuid not null,
        system_provider_id uuid not null,
        reseller_id uuid not null,
        group_id uuid not null,
        user_id uuid not null,
        active boolean not null,
        sequence bigint not null
      )`);
    this.addSql(`create index owned_number_route on owned_number (e164, platform_id) where active`);
    this.addSql(`create index owned_number_user on owned_number (user_id) where active`);
    this.addSql(
      `create table user_entitlement (user_id uuid primary key, entitled boolean not null, sequence bigint not null)`,
    );
    this.addSql(`
      create table platform (
        platform_id uuid primary key,
        system_provider_id uuid not null,
        kind text not null,
        name text not null,
        rate_per_second double precision not null,
        sms_available boolean not null,
        user_can_block boolean not null,
        deleted boolean not null default false,
        sequence bigint not null,
        /* one process at a time sends for a platform: keeps its rate and each number's order */
        sender text,
        sender_until timestamptz,
        reconcile_at timestamptz not null default now()
      )`);
    // A number's id is one assignment to one owner, so the next owner's conversations are others.
    this.addSql(`
      create table conversation (
        id uuid primary key,
        number_id uuid not null,
        user_id uuid not null,
        system_provider_id uuid not null,
        reseller_id uuid not null,
        group_id uuid not null,
        number text not null,
        remote text not null,
        last_message_at timestamptz not null,
        constraint conversation_thread unique (number_id, remote)
      )`);
    // Not by its last message: an index on what every message changes would make each of those updates a full one.
    this.addSql(`create index conversation_user on conversation (user_id)`);
    this.addSql(`
      create table message (
        id uuid primary key,
        conversation_id uuid not null,
        number_id uuid not null,
        user_id uuid not null,
        system_provider_id uuid not null,
        reseller_id uuid not null,
        group_id uuid not null,
        platform_id uuid not null,
        direction text not null check (direction in ('inbound', 'outbound')),
        number text not null,
        remote text not null,
        body text not null,
        state text not null,
        encoding text not null,
        segments smallint not null,
        created_at timestamptz not null,
        /* inbound: the carrier's id; outbound ids are with the attempts */
        carrier_message_id text,
        failure jsonb,
        /* position of the making and of the last change in the user's feed; null while the user must not see it */
        feed_created bigint,
        feed_seq bigint,
        attempts smallint not null default 0,
        next_attempt_at timestamptz,
        /* our own answer to a keyword, which goes out whatever the consent */
        automatic boolean not null default false,
        /* the webhook may have damaged the text; it is to be read again from the carrier */
        reread boolean not null default false
      )`);
    this.addSql(
      `create unique index message_inbound_once on message (platform_id, carrier_message_id, number) where direction = 'inbound'`,
    );
    this.addSql(`create index message_feed on message (user_id, feed_seq)`);
    this.addSql(`create index message_user on message (user_id, created_at desc, id desc)`);
    this.addSql(`create index message_thread on message (conversation_id, created_at desc, id desc)`);
    this.addSql(`create index message_reread on message (platform_id) where reread`);
    this.addSql(`create index message_due on message (platform_id, next_attempt_at) where next_attempt_at is not null`);
    this.addSql(
      `create index message_doubtful on message (platform_id, next_attempt_at) where state in ('submitting', 'submitted-unknown')`,
    );
    this.addSql(`create index message_queue on message (platform_id, created_at, id) where state = 'queued'`);
    this.addSql(`create index message_held on message (user_id) where state = 'held'`);
    this.addSql(
      `create table user_feed (user_id uuid primary key, head bigint not null, acked bigint not null default 0)`,
    );
    this.addSql(`
      create table send_attempt (
        id uuid primary key,
        message_id uuid not null,
        platform_id uuid not null,
        part smallint not null,
        attempt smallint not null,
        state text not null,
        carrier_message_id text,
        carrier_status text,
        error text,
        probes smallint not null default 0,
        started_at timestamptz not null,
        finished_at timestamptz,
        unique (message_id, part, attempt)
      )`);
    this.addSql(
      `create index send_attempt_carrier on send_attempt (platform_id, carrier_message_id) where carrier_message_id is not null`,
    );
    // A receipt that came before we had stored the id it speaks of, or for a message that is not ours.
    this.addSql(`
      create table parked_receipt (
        platform_id uuid not null,
        carrier_message_id text not null,
        status text not null,
        error_code text not null default '',
        received_at timestamptz not null,
        primary key (platform_id, carrier_message_id, status, error_code)
      )`);
    this.addSql(`
      create table opt_out (
        id uuid primary key,
        system_provider_id uuid not null,
        number text not null,
        remote text not null,
        keyword text not null,
        /* the evidence: what was written, and in which message */
        text text not null,
        message_id uuid not null,
        at timestamptz not null,
        cleared_at timestamptz,
        cleared_by uuid
      )`);
    this.addSql(`create unique index opt_out_active on opt_out (number, remote) where cleared_at is null`);
    this.addSql(`
      create table block (
        id uuid primary key,
        user_id uuid not null,
        system_provider_id uuid not null,
        remote text not null,
        created_at timestamptz not null,
        blocked_messages bigint not null default 0,
        unique (user_id, remote)
      )`);
    // Carrier ids of messages that have no row (blocked, deleted with their number, known under another id), so that a
    // redelivery or the carrier's list does not bring them again.
    this.addSql(`
      create table dismissed (
        platform_id uuid not null,
        carrier_message_id text not null,
        number text not null,
        at timestamptz not null default now(),
        primary key (platform_id, carrier_message_id, number)
      )`);
    this.addSql(`create index dismissed_at on dismissed (at)`);
    this.addSql(`
      create table quarantined (
        id uuid primary key,
        delivery_id uuid not null,
        part smallint not null,
        platform_id uuid not null,
        system_provider_id uuid not null,
        reason text not null,
        detail text not null,
        number text,
        carrier_message_id text,
        /* the fact, or for the unreadable the raw request */
        content jsonb not null,
        at timestamptz not null,
        released_at timestamptz,
        unique (delivery_id, part)
      )`);
    this.addSql(`create index quarantined_number on quarantined (number, platform_id) where released_at is null`);
    this.addSql(`create index quarantined_carrier on quarantined (platform_id, carrier_message_id)`);
    this.addSql(`create index quarantined_list on quarantined (system_provider_id, at desc, id desc)`);
  }
}
