import { Migration } from '@mikro-orm/migrations';

/** When an attempt without its last receipt is looked up at the carrier, and how often it has been. */
export class M20261201bLookAt extends Migration {
  override name = 'm20261201b-look-at';

  override up(): void {
    this.addSql(
      'alter table send_attempt add column look_at timestamptz, add column looks smallint not null default 0',
    );
    this.addSql('create index send_attempt_look on send_attempt (look_at) where look_at is not null');
    // What waits for a receipt that was lost before there was such a look.
    this.addSql(`
      update send_attempt set look_at = now() + random() * interval '10 minutes'
      where state in ('accepted', 'sent') and carrier_message_id is not null and started_at > now() - interval '3 days'`);
  }
}
