import { Migration } from '@strowger/persistence';

/** A mail may carry a secret, which is kept sealed until it goes out. */
export class M20261120eSealedMail extends Migration {
  override up(): void {
    this.addSql('alter table mail_delivery add sealed_secret text');
  }
}
