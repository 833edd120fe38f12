import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { GrantedLicense, LicenseRejection, ProductView } from '@strowger/contracts-hierarchy';
import { Clock, newId, type Actor } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import type { EffectiveSettings } from '../nodes/settings.js';
import { LicenseAssignment } from './license-assignment.entity.js';
import type { LicensedUser } from './licensed-user.js';
import { TermsService, type Term } from './terms/terms.service.js';
import type { Trial } from './trials/trial.entity.js';
import { TrialExpiry } from './trials/trial-expiry.service.js';
import { TrialsService } from './trials/trials.service.js';

/** A client asks again before its token ends; one that is silent for a day is gone. */
const SESSION_MS = 86_400_000;

export type Refusal = { reason: LicenseRejection; message: string };
type Served = { license: GrantedLicense; assignmentId?: string; trialId?: string };

/** What a user's client may use: a permanent license, the one trial, or nothing. */
@Injectable()
export class LicenseServing {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly trials: TrialsService,
    private readonly expiry: TrialExpiry,
    private readonly terms: TermsService,
  ) {}

  /** A purchase may have ended since the last sweep. Before any lock on the user: pools come first there. */
  async catchUp(systemProviderId: string, userKey: string, application: string): Promise<void> {
    const pools = await this.db.query<{ id: string }>(sql`
      select a.pool_id as id from license_assignment a join app_user u on u.id = a.user_id
        where u.system_provider_id = ${systemProviderId} and u.broadworks_user_key = ${userKey}
          and u.ended_at is null and a.application = ${application} and a.ended_at is null`);
    if (pools.length === 0) return;
    for (const poolId of await this.terms.due(pools.map((pool) => pool.id)))
      await this.db.transactional(() => this.terms.advance(poolId));
  }

  /** What the client is served from now on. In the caller's transaction, which holds the user's row. */
  async serve(
    em: EntityManager,
    actor: Actor,
    user: LicensedUser,
    products: ProductView[],
    settings: EffectiveSettings,
  ): Promise<{ license: GrantedLicense } | Refusal> {
    const served = await this.decide(em, actor, user, products, settings);
    if ('reason' in served) return served;
    await this.noteSession(em, user, served);
    return { license: served.license };
  }

  /** The rules of reference/provisioning-soap-api.md §6.4, in their order. */
  private async decide(
    em: EntityManager,
    actor: Actor,
    user: LicensedUser,
    products: ProductView[],
    settings: EffectiveSettings,
  ): Promise<Served | Refusal> {
    const { application } = products[0]!;
    const now = this.clock.now();
    const trial = await this.trials.find(em, user, application);
    if (trial?.state === 'running' && trial.isOver(now)) await this.expiry.expire(em, user, trial);
    const held = await this.held(em, user, products);
    const usable = held.find((license) => !license.suspendedAt);
    const running = trial && !trial.isOver(now);
    // The option is looked at now, so a change of it counts from the next request on.
    if (running && usable && !settings.useTrialLicensesUntilExpiration.value)
      await this.trials.supersede(em, actor, user, trial, usable.id);
    else if (running) return this.trialOf(trial, products);
    if (usable) return this.permanent(em, usable, products);
    const days = settings.trialDurationDays.value;
    if (!trial && days > 0) return this.trialOf(await this.trials.start(em, actor, user, application, days), products);
    return refusalOf(application, held.length > 0, trial);
  }

  /** Of the application, the highest rank first. */
  private async held(em: EntityManager, user: LicensedUser, products: ProductView[]): Promise<LicenseAssignment[]> {
    const { application } = products[0]!;
    const where = { userId: user.id, application, endedAt: null };
    const held = await em.find(LicenseAssignment, where, { refresh: true });
    const place = (license: LicenseAssignment) => products.findIndex((p) => p.licenseType === license.licenseType);
    return held.sort((a, b) => place(a) - place(b));
  }

  private async permanent(em: EntityManager, license: LicenseAssignment, products: ProductView[]): Promise<Served> {
    const now = this.clock.now();
    license.firstConsumedAt ??= now;
    license.lastConsumedAt = now;
    await em.flush();
    const term = await this.terms.termOf(license);
    return { license: granted('permanent', products, license.licenseType, term), assignmentId: license.id };
  }

  private trialOf(trial: Trial, products: ProductView[]): Served {
    return { license: granted('trial', products, trial.licenseType, { expiresAt: trial.endsAt }), trialId: trial.id };
  }

  /** One active session of a user and application; it ends with what it is served by. */
  private async noteSession(em: EntityManager, user: LicensedUser, served: Served): Promise<void> {
    await em.flush();
    const now = this.clock.now();
    const { license, assignmentId = null, trialId = null } = served;
    await this.db.query(sql`
      insert into license_session (id, user_id, system_provider_id, application, license_type, assignment_id, trial_id,
          started_at, last_seen_at, expires_at)
        values (${newId()}, ${user.id}, ${user.systemProviderId}, ${license.application}, ${license.licenseType},
          ${assignmentId}, ${trialId}, ${now}, ${now}, ${new Date(now.getTime() + SESSION_MS)})
        on conflict (user_id, application) where ended_at is null do update set license_type = excluded.license_type,
          assignment_id = excluded.assignment_id, trial_id = excluded.trial_id, last_seen_at = excluded.last_seen_at,
          expires_at = excluded.expires_at`);
  }
}

function granted(
  kind: GrantedLicense['kind'],
  products: ProductView[],
  licenseType: string,
  term: Term,
): GrantedLicense {
  const product = products.find((p) => p.licenseType === licenseType);
  return {
    kind,
    application: products[0]!.application,
    licenseType,
    features: product?.features ?? [],
    ...(term.expiresAt ? { expiresAt: term.expiresAt.toISOString() } : {}),
    ...(term.graceUntil ? { graceUntil: term.graceUntil.toISOString() } : {}),
  };
}

function refusalOf(application: string, suspended: boolean, trial: Trial | null): Refusal {
  if (suspended)
    return {
      reason: 'license-suspended',
      message: `The ${application} license of this user is suspended, because the purchase it was covered by has ended. It works again once the system provider renews.`,
    };
  if (trial)
    return {
      reason: 'trial-over',
      message: `This user has no ${application} license, and its trial ended on ${trial.endedAt!.toISOString()}; a trial is given once. Assign a license.`,
    };
  return {
    reason: 'no-license',
    message: `This user has no ${application} license, and the system provider gives no trials. Assign a license.`,
  };
}
