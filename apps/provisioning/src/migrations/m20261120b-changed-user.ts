import { Migration } from '@mikro-orm/migrations';

/** What hierarchy reported about users since they were made, for numbers that are being assigned to them at that moment. */
export class M20261120bChangedUser extends Migration {
  override name = 'm20261120b-changed-user';

  override up(): void {
    this.addSql(`
      create table changed_user (
        user_id uuid primary key,
        revision int not null,
        name text not null,
        broadworks_user_id text not null,
        reseller_id uuid not null,
        group_id uuid not null
      )`);
  }
}
