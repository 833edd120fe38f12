import { Migration, OUTBOX_INBOX_SQL } from '@strowger/persistence';

export class M20261120Initial extends Migration {
  override up(): void {
    this.addSql(OUTBOX_INBOX_SQL);
    this.addSql(`
      create table alert_recipients (
        system_provider_id uuid primary key,
        sequence bigint not null,
        system_provider_name text not null,
        recipients jsonb not null
      )`);
    this.addSql(`
      create table mail_delivery (
        id uuid primary key,
        incident_id uuid not null,
        system_provider_id uuid not null,
        recipient text not null,
        template text not null,
        /* what the mail is about: the same news again within the repeat time is suppressed */
        topic text not null,
        subject text not null,
        text_body text not null,
        html_body text not null,
        state text not null check (state in ('queued', 'sending', 'handed-over', 'sent', 'failed', 'suppressed', 'unknown')),
        attempts int not null default 0,
        next_attempt_at timestamptz,
        lease_until timestamptz,
        last_error text,
        created_at timestamptz not null,
        sent_at timestamptz,
        unique (incident_id, recipient)
      )`);
    this.addSql(
      `create index mail_delivery_due on mail_delivery (next_attempt_at) where state in ('queued', 'sending', 'handed-over')`,
    );
    this.addSql(`create index mail_delivery_list on mail_delivery (system_provider_id, created_at desc, id desc)`);
    this.addSql(`create index mail_delivery_repeat on mail_delivery (recipient, topic, created_at)`);
  }
}
