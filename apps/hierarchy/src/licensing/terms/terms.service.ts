import { Injectable } from '@nestjs/common';
import { Clock, SYSTEM_ACTOR } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { logger } from '@strowger/telemetry';
import { HistoryService, type HistoryObject } from '../../history/history.service.js';
import { Entitlement } from '../entitlement.service.js';
import { GRACE_DAYS } from '../license-purchase.entity.js';

const GRACE_MS = GRACE_DAYS * 86_400_000;

const log = logger('license-terms');

interface ChangedPurchase {
  id: string;
  systemProviderId: string;
  providerName: string;
  application: string;
  licenseType: string;
  quantity: number | null;
  before: string;
  state: string;
}
interface ChangedAssignment {
  userId: string;
  name: string;
  systemProviderId: string;
  resellerId: string;
  groupId: string;
  application: string;
  licenseType: string;
  suspended: boolean;
}

/** How long a permanent license is served by what was purchased. */
export interface Term {
  expiresAt?: Date;
  /** The term is over and the grace runs. */
  graceUntil?: Date;
}

/**
 * Purchases through time: scheduled → active → grace → suspended, and back when they are renewed. The dates decide; the
 * states are brought after them by a sweep, by anyone who changes a purchase, and by a license request that comes before
 * the sweep. Each of them may come twice or late.
 */
@Injectable()
export class TermsService {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly history: HistoryService,
    private readonly entitlement: Entitlement,
  ) {}

  /** Every pool of which something is due, and those with suspended licenses that may have room again. */
  async sweep(): Promise<number> {
    const pools = await this.due();
    for (const poolId of pools)
      await this.db
        .transactional(() => this.advance(poolId))
        .catch((error: unknown) => log.error({ poolId, err: error }, 'license-pool-not-advanced'));
    return pools.length;
  }

  /** Of these pools, or of all, the ones whose purchases are not what their dates say, or that suspend licenses. */
  async due(poolIds?: readonly string[]): Promise<string[]> {
    const now = this.clock.now();
    const among = poolIds ? sql`pool_id = any(${poolIds}::uuid[])` : sql`true`;
    const rows = await this.db.query<{ id: string }>(sql`
      select pool_id as id from license_purchase where ${among} and state = 'scheduled' and starts_at <= ${now}
      union select pool_id from license_purchase where ${among} and state = 'active' and ends_at <= ${now}
      union select pool_id from license_purchase where ${among} and state = 'grace'
        and (ends_at <= ${new Date(now.getTime() - GRACE_MS)} or ends_at > ${now})
      union select pool_id from license_purchase where ${among} and state = 'suspended'
        and ends_at > ${new Date(now.getTime() - GRACE_MS)}
      union select a.pool_id from license_assignment a
        where ${among} and a.ended_at is null and a.suspended_at is not null group by a.pool_id
        having count(*) > coalesce(
          (select sum(drawn) from license_share s where s.pool_id = a.pool_id and s.level = 'group')
          - (select case when count(*) filter (where quantity is null) = 0 then coalesce(sum(quantity), 0) end
              from license_purchase p where p.pool_id = a.pool_id and p.state in ('active', 'grace')), 0)
      order by id`);
    return rows.map((row) => row.id);
  }

  /**
   * Brings the pool's purchases to the states their dates say, its sum to what is active, and its assignments to what
   * is served. In the caller's transaction; locks the pool, and after it users whose messaging changes with it.
   */
  async advance(poolId: string): Promise<void> {
    await this.db.em().flush();
    const now = this.clock.now();
    await this.db.query(sql`select id from license_pool where id = ${poolId} for update`);
    const changed = await this.db.query<ChangedPurchase>(sql`
      with due as (
        select id, state as before, case
            when starts_at > ${now} then 'scheduled'
            when ends_at is null or ends_at > ${now} then 'active'
            when ends_at > ${new Date(now.getTime() - GRACE_MS)} then 'grace'
            else 'suspended' end as state
          from license_purchase where pool_id = ${poolId} and state <> 'ended')
      update license_purchase p set state = due.state, updated_at = ${now}, version = p.version + 1
        from due, system_provider s
        where p.id = due.id and p.state <> due.state and s.id = p.system_provider_id
        returning p.id, p.system_provider_id as "systemProviderId", s.name as "providerName", p.application,
          p.license_type as "licenseType", p.quantity, due.before, p.state`);
    if (changed.length > 0) await this.note(changed, poolId, now);
    await this.db.query(sql`select * from settle_license_pool(${poolId}, false)`);
    await this.serve(poolId, now);
  }

  /**
   * Until when the license is served: oldest assignments first, by what lasts longest. Empty when it does not expire,
   * or is not served.
   */
  async termOf(license: { id: string; poolId: string }): Promise<Term> {
    const purchases = await this.db.query<{ quantity: number | null; endsAt: string | null }>(sql`
      select quantity, ends_at as "endsAt" from license_purchase
        where pool_id = ${license.poolId} and state in ('active', 'grace') order by ends_at desc nulls first`);
    if (purchases.every((purchase) => purchase.endsAt === null)) return {};
    const [row] = await this.db.query<{ place: number }>(sql`
      select count(*)::int as place from license_assignment where pool_id = ${license.poolId} and ended_at is null
        and (assigned_at, id) <= (select assigned_at, id from license_assignment where id = ${license.id})`);
    let left = row!.place;
    for (const { quantity, endsAt } of purchases) {
      left -= quantity ?? left;
      if (left > 0) continue;
      if (endsAt === null) return {};
      const expiresAt = new Date(endsAt);
      if (expiresAt > this.clock.now()) return { expiresAt };
      return { expiresAt, graceUntil: new Date(expiresAt.getTime() + GRACE_MS) };
    }
    return {};
  }

  /** What is missing is not served: the newest assignments first. */
  private async serve(poolId: string, now: Date): Promise<void> {
    const changed = await this.db.query<ChangedAssignment>(sql`
      with served as (
        select case when count(*) filter (where quantity is null) = 0 then coalesce(sum(quantity), 0) end as quantity
          from license_purchase where pool_id = ${poolId} and state in ('active', 'grace')),
      held as (
        select a.id, coalesce(row_number() over (order by a.assigned_at, a.id) > served.quantity, false) as missing
          from license_assignment a, served where a.pool_id = ${poolId} and a.ended_at is null)
      update license_assignment a set suspended_at = case when held.missing then ${now}::timestamptz end
        from held, app_user u
        where a.id = held.id and u.id = a.user_id and (a.suspended_at is not null) <> held.missing
        returning a.user_id as "userId", u.name, a.system_provider_id as "systemProviderId",
          a.reseller_id as "resellerId", a.group_id as "groupId", a.application, a.license_type as "licenseType",
          held.missing as suspended`);
    if (changed.length === 0) return;
    await this.history.recordAll(
      changed.map(({ userId, name, systemProviderId, resellerId, groupId, application, licenseType, suspended }) => {
        const user: HistoryObject = { kind: 'user', id: userId, name, systemProviderId, resellerId, groupId, userId };
        const action = suspended ? 'license-suspended' : 'license-restored';
        return this.history.rowOf(SYSTEM_ACTOR, action, user, { application, licenseType });
      }),
    );
    await this.entitlement.settle(...new Set(changed.map((row) => row.userId)));
  }

  private async note(changed: ChangedPurchase[], poolId: string, now: Date): Promise<void> {
    for (const { id, systemProviderId, quantity, state } of changed)
      await this.db.query(sql`
        insert into license_ledger (at, system_provider_id, pool_id, kind, action, item_id, quantity, counts,
            actor_kind, actor_id)
          values (${now}, ${systemProviderId}, ${poolId}, 'purchase', ${state}, ${id}, ${quantity},
            ${state === 'active'}, ${SYSTEM_ACTOR.kind}, ${SYSTEM_ACTOR.id})`);
    await this.history.recordAll(
      changed.map(({ systemProviderId: id, providerName: name, application, licenseType, quantity, before, state }) =>
        this.history.rowOf(
          SYSTEM_ACTOR,
          `purchase-${state}`,
          { kind: 'system-provider', id, name, systemProviderId: id },
          { [`${application} ${licenseType}`]: { quantity: quantity ?? 'unlimited', from: before, to: state } },
        ),
      ),
    );
  }
}
