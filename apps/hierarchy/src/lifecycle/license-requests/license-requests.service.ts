import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import type {
  GrantedLicense,
  LicenseDecision,
  LicenseRejection,
  ProductView,
  RequestLicense,
} from '@strowger/contracts-hierarchy';
import { Clock, newId, type Actor, type RpcContext } from '@strowger/kernel';
import { Db, Outbox, sql } from '@strowger/persistence';
import { counter } from '@strowger/telemetry';
import { isEmpty } from '../../history/changes.js';
import { HistoryService } from '../../history/history.service.js';
import { PathsService } from '../../tree/paths/paths.service.js';
import type { EffectiveSettings } from '../../nodes/settings.js';
import { SettingsService } from '../../nodes/settings.service.js';
import { NaturalKeysService } from '../../tree/natural-keys.service.js';
import { User } from '../../tree/users/user.entity.js';
import { UsersService } from '../../tree/users/users.service.js';
import { productsOf } from '../../licensing/catalogue.js';
import { LicenseAssignment } from '../../licensing/license-assignment.entity.js';
import { TermsService, type Term } from '../../licensing/terms/terms.service.js';
import type { Trial } from '../../licensing/trials/trial.entity.js';
import { TrialExpiry } from '../../licensing/trials/trial-expiry.service.js';
import { TrialsService } from '../../licensing/trials/trials.service.js';

const requests = counter('strowger_license_requests_total', 'Licence requests by outcome and, if rejected, reason');

/** A client asks again before its token ends; one that is silent for a day is gone. */
const SESSION_MS = 86_400_000;

interface Account {
  id: string;
  groupKey: string;
  resellerKey: string;
}
type Refusal = { reason: LicenseRejection; message: string };
type Served = { license: GrantedLicense; assignmentId?: string; trialId?: string };

/**
 * What the location service asks when a client starts: whose account this is, and what it may use. A refusal is an
 * answer, not an error: what was done on the way to it, an account made or a trial ended, stays done.
 */
@Injectable()
export class LicenseRequestsService {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly outbox: Outbox,
    private readonly history: HistoryService,
    private readonly settings: SettingsService,
    private readonly keys: NaturalKeysService,
    private readonly paths: PathsService,
    private readonly users: UsersService,
    private readonly trials: TrialsService,
    private readonly expiry: TrialExpiry,
    private readonly terms: TermsService,
  ) {}

  /**
   * Safe to repeat.
   * @throws UnknownName for an application that is not in the catalogue; HostNameUnknown also for a foreign provider's
   */
  async request(context: RpcContext, given: RequestLicense): Promise<LicenseDecision> {
    const decision = await this.decide(context, given);
    requests.inc({ outcome: decision.outcome, ...(decision.reason ? { reason: decision.reason } : {}) });
    return decision;
  }

  private async decide(context: RpcContext, given: RequestLicense): Promise<LicenseDecision> {
    const products = productsOf(given.application);
    const providerId = await this.keys.provider(context, given);
    await this.catchUp(providerId, given);
    return this.db.transactional(async (em) => {
      const settings = await this.settings.effective(em, { systemProviderId: providerId });
      const account = await this.account(context, providerId, settings, given);
      if ('reason' in account) return { outcome: 'rejected', ...account };
      const user = await this.users.lock(em, context.scope, account.id);
      await this.correctName(em, context.actor, user, given.userName?.trim());
      const served = await this.serve(em, context.actor, user, products, settings);
      const about = { userId: user.id, systemProviderId: user.systemProviderId, userName: user.name };
      if ('reason' in served) return { outcome: 'rejected', ...served, ...about };
      await this.noteSession(em, user, served);
      // The service that asks for all clients is no news; a person who may now act as this user is.
      if (context.actor.kind === 'portal-user')
        this.history.record(em, context.actor, 'client-token-minted', user.historyObject());
      return { outcome: account.created ? 'created' : 'matched', ...about, license: served.license };
    });
  }

  /** A purchase may have ended since the last sweep. Before any lock on the user: pools come first there. */
  private async catchUp(providerId: string, { broadworksUserId, application }: RequestLicense): Promise<void> {
    const pools = await this.db.query<{ id: string }>(sql`
      select a.pool_id as id from license_assignment a join app_user u on u.id = a.user_id
        where u.system_provider_id = ${providerId} and u.broadworks_user_key = ${User.keyOf(broadworksUserId)}
          and u.ended_at is null and a.application = ${application} and a.ended_at is null`);
    if (pools.length === 0) return;
    for (const poolId of await this.terms.due(pools.map((pool) => pool.id)))
      await this.db.transactional(() => this.terms.advance(poolId));
  }

  /** The account with exactly this reseller, group and user id, made if the provider lets clients make theirs. */
  private async account(
    context: RpcContext,
    systemProviderId: string,
    settings: EffectiveSettings,
    { broadworksUserId, resellerId, groupId, userName }: RequestLicense,
  ): Promise<{ id: string; created: boolean } | Refusal> {
    const [found] = await this.db.query<Account>(sql`
      select u.id, g.key as "groupKey", r.key as "resellerKey" from app_user u
        join reseller_group g on g.id = u.group_id join reseller r on r.id = u.reseller_id
        where u.system_provider_id = ${systemProviderId} and u.ended_at is null
          and u.broadworks_user_key = ${User.keyOf(broadworksUserId)}`);
    if (found) {
      if (found.groupKey === groupId && found.resellerKey === resellerId) return { id: found.id, created: false };
      return {
        reason: 'user-in-other-group',
        message: `The user '${broadworksUserId}' is in the group '${found.groupKey}' of the reseller '${found.resellerKey}' here, not in '${groupId}' of '${resellerId}' as in BroadWorks. Move the user, or correct the ids.`,
      };
    }
    if (!settings.autoCreateFromClient.value)
      return {
        reason: 'account-not-found',
        message: `There is no user '${broadworksUserId}' in the group '${groupId}' of the reseller '${resellerId}'. Add it with the ids it has in BroadWorks, or let clients create accounts in the system provider's settings.`,
      };
    const { user } = await this.paths.ensure(context, {
      systemProviderId,
      reseller: { key: resellerId },
      group: { key: groupId },
      user: { broadworksUserId, ...(userName?.trim() ? { name: userName.trim() } : {}) },
    });
    return { id: user.id, created: user.result === 'created' };
  }

  /** The client knows the name in BroadWorks; what a back office entered may be old. */
  private async correctName(em: EntityManager, actor: Actor, user: User, name: string | undefined): Promise<void> {
    if (!name) return;
    const changes = user.update({ name });
    if (isEmpty(changes)) return;
    this.history.record(em, actor, 'updated', user.historyObject(), changes);
    this.outbox.add(em, user.saved());
    await em.flush();
  }

  /** The rules of reference/provisioning-soap-api.md §6.4, in their order. */
  private async serve(
    em: EntityManager,
    actor: Actor,
    user: User,
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
  private async held(em: EntityManager, user: User, products: ProductView[]): Promise<LicenseAssignment[]> {
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
  private async noteSession(em: EntityManager, user: User, served: Served): Promise<void> {
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
