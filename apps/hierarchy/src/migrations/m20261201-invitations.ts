import { Migration } from '@mikro-orm/migrations';

/** The switch for portal users that a back office adds. */
export class M20261201Invitations extends Migration {
  override name = 'm20261201-invitations';

  override up(): void {
    this.addSql('alter table system_provider add invite_from_back_office boolean');
  }
}
