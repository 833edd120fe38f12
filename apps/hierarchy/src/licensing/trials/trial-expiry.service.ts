import { Injectable } from '@nestjs/common';
import { LockMode, type EntityManager } from '@mikro-orm/postgresql';
import { AppError, Clock, PLATFORM_SCOPE, SYSTEM_ACTOR } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { logger } from '@strowger/telemetry';
import { HistoryService } from '../../history/history.service.js';
import { SettingsService } from '../../nodes/settings.service.js';
import { productOf } from '../catalog.js';
import { Entitlement } from '../entitlement.service.js';
import { LicenseAssignment } from '../license-assignment.entity.js';
import { historyObjectOf, lockUserByKey, type LicensedUser } from '../licensed-user.js';
import { SeatsService } from '../seats.service.js';
import { Trial } from './trial.entity.js';
import { TrialsService } from './trials.service.js';

const A_SWEEP = 500;
const log = logger('trials');

/** What happens when a trial is over: the provider's automatic assignment, or nothing and somebody is notified. */
@Injectable()
export class TrialExpiry {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly history: HistoryService,
    private readonly settings: SettingsService,
    private readonly seats: SeatsService,
    private readonly trials: TrialsService,
    private readonly entitlement: Entitlement,
  ) {}

  /** Ends all that are due. Safe to run twice and side by side; each is a transaction of its own. */
  async sweep(): Promise<number> {
    let ended = 0;
    for (let after = ''; ;) {
      const due = await this.db.query<{ id: string }>(sql`
        select id from trial where state = 'running' and ends_at <= ${this.clock.now()}
          and (${after} = '' or id > nullif(${after}, '')::uuid) order by id limit ${A_SWEEP}`);
      for (const { id } of due)
        await this.end(id).then(
          (done) => (ended += done ? 1 : 0),
          // One that fails must not keep the others from ending; it is due again at the next sweep.
          (error: unknown) => log.error({ trialId: id, err: error }, 'trial-not-ended'),
        );
      const last = due.at(-1);
      if (due.length < A_SWEEP || !last) return ended;
      after = last.id;
    }
  }

  /** In the caller's transaction, which holds the user's row. */
  async expire(em: EntityManager, user: LicensedUser, trial: Trial): Promise<void> {
    const because = await this.licenseInstead(em, user, trial.application);
    trial.expire(because, this.clock.now());
    this.history.record(em, SYSTEM_ACTOR, 'trial-ended', historyObjectOf(user), {
      application: trial.application,
      licensed: because === undefined,
      ...(because ? { reason: because } : {}),
    });
    await em.flush();
    await this.trials.note(SYSTEM_ACTOR, trial, 'expired');
    await this.entitlement.settle(user.id);
  }

  private end(id: string): Promise<boolean> {
    return this.db.transactional(async (em) => {
      const found = await em.findOne(Trial, id);
      if (!found) return false;
      const { systemProviderId, userKey } = found;
      const user = await lockUserByKey(this.db, systemProviderId, userKey);
      const trial = await em.findOne(Trial, id, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });
      const now = this.clock.now();
      if (!trial || trial.state !== 'running' || now < trial.endsAt) return false;
      if (user) {
        if (trial.userId !== user.id) trial.belongTo(user);
        await this.expire(em, user, trial);
      } else {
        trial.expire('The user is deleted.', now);
        await em.flush();
        await this.trials.note(SYSTEM_ACTOR, trial, 'expired');
      }
      return true;
    });
  }

  /** Why the user goes without a license; undefined when there is one. */
  private async licenseInstead(
    em: EntityManager,
    user: LicensedUser,
    application: string,
  ): Promise<string | undefined> {
    if ((await em.count(LicenseAssignment, { userId: user.id, application, endedAt: null })) > 0) return undefined;
    const { systemProviderId } = user;
    const { automaticAssignment } = await this.settings.effective(em, { systemProviderId });
    const licenseType = automaticAssignment[application]?.value;
    if (licenseType === undefined || licenseType === 'none')
      return `No license type is chosen under Automatic Assignment for ${application}.`;
    try {
      const context = { scope: PLATFORM_SCOPE, actor: SYSTEM_ACTOR };
      await this.seats.assign(context, user.id, productOf(application, licenseType));
      return undefined;
    } catch (thrown) {
      // The pool refused, which writes nothing; a product gone from the catalog is noted likewise.
      if (thrown instanceof AppError && (thrown.kind === 'conflict' || thrown.kind === 'invalid'))
        return thrown.message;
      throw thrown;
    }
  }
}
