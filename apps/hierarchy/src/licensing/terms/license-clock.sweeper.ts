import { Injectable } from '@nestjs/common';
import { Timers } from '@strowger/jobs';
import { Clock } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { TrialExpiry } from '../trials/trial-expiry.service.js';
import { ExpiryAlerts } from './expiry-alerts.service.js';
import { TermsService } from './terms.service.js';

const TERMS_SECONDS = 60;
/** Thresholds are days, which begin at another hour in each zone. */
const ALERTS_SECONDS = 600;

/** What time does to licenses. The rows hold the due times, so nothing is lost while no process runs. */
@Injectable()
export class LicenseClock {
  constructor(timers: Timers, db: Db, clock: Clock, terms: TermsService, trials: TrialExpiry, alerts: ExpiryAlerts) {
    timers.everySeconds(TERMS_SECONDS, 'license-terms', async () => {
      await terms.sweep();
      await trials.sweep();
      const now = clock.now();
      await db.query(sql`
        update license_session l set ended_at = ${now} from app_user u
          where u.id = l.user_id and l.ended_at is null and (l.expires_at <= ${now} or u.ended_at is not null)`);
    });
    timers.everySeconds(ALERTS_SECONDS, 'license-expiry-alerts', async () => void (await alerts.sweep()));
  }
}
