import { Inject, Injectable } from '@nestjs/common';
import { Db } from '@strowger/persistence';
import { Health } from '@strowger/telemetry';

/** Without its database the service answers nothing. Without stream or Redis it does: both are caught up with later. */
@Injectable()
export class Readiness {
  constructor(@Inject(Health) health: Health, @Inject(Db) db: Db) {
    health.add('database', () => db.check());
  }
}
