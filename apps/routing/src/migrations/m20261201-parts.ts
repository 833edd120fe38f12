import { Migration } from '@mikro-orm/migrations';

/** What is sent of a text, one request each, as decided when it was accepted. */
export class M20261201Parts extends Migration {
  override name = 'm20261201-parts';

  override up(): void {
    this.addSql('alter table message add column parts text[]');
  }
}
