import { Migration } from '@mikro-orm/migrations';

/** Portal users of the role support read texts with a permission of its own; nobody has it yet. */
export class M20261201bReadsTexts extends Migration {
  override name = 'm20261201b-reads-texts';

  override up(): void {
    this.addSql('alter table portal_user add reads_texts boolean not null default false');
  }
}
