import { Injectable } from '@nestjs/common';
import { hierarchyRpc, type LicenseDecision, type RequestLicense } from '@strowger/contracts-hierarchy';
import type { RpcContext, RpcRequest } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { counter } from '@strowger/telemetry';
import { HistoryService } from '../../history/history.service.js';
import { PathsService } from '../../tree/paths/paths.service.js';
import type { EffectiveSettings } from '../../nodes/settings.js';
import { SettingsService } from '../../nodes/settings.service.js';
import { NaturalKeysService } from '../../tree/natural-keys.service.js';
import { UsersService } from '../../tree/users/users.service.js';
import { productsOf } from '../../licensing/catalog.js';
import { LicenseServing, type Refusal } from '../../licensing/license-serving.service.js';
import { userKeyOf } from '../../tree/keys.js';

const requests = counter('strowger_license_requests_total', 'License requests by outcome and, if rejected, reason');

interface Account {
  id: string;
  groupKey: string;
  resellerKey: string;
}

/**
 * What the location service asks when a client starts: whose account this is, and what it may use. A refusal is an
 * answer, not an error: what was done on the way to it, an account made or a trial ended, stays done.
 */
@Injectable()
export class LicenseRequestsService {
  constructor(
    private readonly db: Db,
    private readonly history: HistoryService,
    private readonly settings: SettingsService,
    private readonly keys: NaturalKeysService,
    private readonly paths: PathsService,
    private readonly users: UsersService,
    private readonly serving: LicenseServing,
  ) {}

  /**
   * Safe to repeat.
   * @throws UnknownName for an application that is not in the catalog; HostNameUnknown also for a foreign provider's
   */
  @Answers(hierarchyRpc.requestLicense)
  async request({ body: given, ...context }: RpcRequest<RequestLicense>): Promise<LicenseDecision> {
    const decision = await this.decide(context, given);
    requests.inc({ outcome: decision.outcome, ...(decision.reason ? { reason: decision.reason } : {}) });
    return decision;
  }

  private async decide(context: RpcContext, given: RequestLicense): Promise<LicenseDecision> {
    const products = productsOf(given.application);
    const providerId = await this.keys.provider(context, given);
    await this.serving.catchUp(providerId, userKeyOf(given.broadworksUserId), given.application);
    return this.db.transactional(async (em) => {
      const settings = await this.settings.effective(em, { systemProviderId: providerId });
      const account = await this.account(context, providerId, settings, given);
      if ('reason' in account) return { outcome: 'rejected', ...account };
      const user = await this.users.lock(em, context.scope, account.id);
      await this.users.correctName(em, context.actor, user, given.userName?.trim());
      const served = await this.serving.serve(em, context.actor, user, products, settings);
      const about = { userId: user.id, systemProviderId: user.systemProviderId, userName: user.name };
      if ('reason' in served) return { outcome: 'rejected', ...served, ...about };
      // The service that asks for all clients is no news; a person who may now act as this user is.
      if (context.actor.kind === 'portal-user')
        this.history.record(em, context.actor, 'client-token-minted', user.historyObject());
      return { outcome: account.created ? 'created' : 'matched', ...about, license: served.license };
    });
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
          and u.broadworks_user_key = ${userKeyOf(broadworksUserId)}`);
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
    const { user } = await this.paths.ensure({
      ...context,
      body: {
        systemProviderId,
        reseller: { key: resellerId },
        group: { key: groupId },
        user: { broadworksUserId, ...(userName?.trim() ? { name: userName.trim() } : {}) },
      },
    });
    return { id: user.id, created: user.result === 'created' };
  }
}
