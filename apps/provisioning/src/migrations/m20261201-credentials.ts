import { Migration } from '@mikro-orm/migrations';

/**
 * A platform's credentials become one envelope, for every carrier the same. Only the service has the keys
 * to seal what is stored, so it does that when it starts (`PlatformSecrets`).
 */
export class M20261201Credentials extends Migration {
  override name = 'm20261201-credentials';

  override up(): void {
    this.addSql(`
      alter table platform
        add column credentials text,
        add column sealed_hook_keys text,
        alter column sealed_secret drop not null`);
  }
}
