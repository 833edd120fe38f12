import { Injectable } from '@nestjs/common';
import { Health } from '@strowger/http';
import { Db } from '@strowger/persistence';

/** Without its database the service answers nothing. Without the stream it does: facts wait in the outbox. */
@Injectable()
export class Readiness {
  constructor(health: Health, db: Db) {
    health.add('database', () => db.check());
  }
}
