import { Inject, Injectable } from '@nestjs/common';
import { Db } from '@strowger/persistence';
import { Health } from '@strowger/telemetry';

/** Without its database the service does nothing. Without Redis the sweeps still find what is due. */
@Injectable()
export class Readiness {
  constructor(@Inject(Health) health: Health, @Inject(Db) db: Db) {
    health.add('database', () => db.check());
  }
}
