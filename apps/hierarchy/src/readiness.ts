import { Injectable } from '@nestjs/common';
import { Db } from '@strowger/persistence';
import { Health } from '@strowger/telemetry';

/** Without its database the service answers nothing. Without the stream it does: facts wait in the outbox. */
@Injectable()
export class Readiness {
  constructor(health: Health, db: Db) {
    health.add('database', () => db.check());
  }
}
