import { Injectable } from '@nestjs/common';
import type { LicenseAlertItem } from '@strowger/contracts-hierarchy';
import { Clock } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { GRACE_DAYS } from '../license-purchase.entity.js';
import { LOOK_AHEAD_MS } from './thresholds.js';

const DAY_MS = 86_400_000;
/** People are notified of what came after an end for so long; older news would only surprise a new portal user. */
const LOOK_BACK_MS = 30 * DAY_MS;
const GRACE_MS = GRACE_DAYS * DAY_MS;

/** The node whose portal users are notified. */
export interface AlertNode {
  level: 'system-provider' | 'reseller' | 'group';
  id: string;
}

/** Something that ends, or has ended and is reported afterwards. */
export interface ExpiryItem extends Pick<LicenseAlertItem, 'kind' | 'application' | 'licenseType' | 'holder'> {
  id: string;
  news: LicenseAlertItem['news'];
  quantity?: number;
  reason?: string;
  startedAt: Date;
  expiresAt: Date;
}

interface Row {
  id: string;
  application: string;
  licenseType: string;
  holder: string;
  quantity?: number | null;
  reason?: string | null;
  state: string;
  startedAt: string;
  expiresAt: string;
}

const itemOf = (kind: ExpiryItem['kind'], news: ExpiryItem['news'], row: Row): ExpiryItem => ({
  kind,
  news,
  id: row.id,
  application: row.application,
  licenseType: row.licenseType,
  holder: row.holder,
  ...(typeof row.quantity === 'number' ? { quantity: row.quantity } : {}),
  ...(row.reason ? { reason: row.reason } : {}),
  startedAt: new Date(row.startedAt),
  expiresAt: new Date(row.expiresAt),
});

/** What the portal users of a node have to know: their purchases, or their sub-purchases and trials. */
@Injectable()
export class ExpiryItems {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
  ) {}

  async of({ level, id }: AlertNode): Promise<ExpiryItem[]> {
    if (level === 'system-provider') return this.purchases(id);
    return [...(await this.subPurchases(level, id)), ...(await this.trials(level, id))];
  }

  private async purchases(providerId: string): Promise<ExpiryItem[]> {
    const now = this.clock.now().getTime();
    const rows = await this.db.query<Row>(sql`
      select p.id, p.application, p.license_type as "licenseType", p.quantity, p.state, s.name as holder,
          p.starts_at as "startedAt", p.ends_at as "expiresAt"
        from license_purchase p join system_provider s on s.id = p.system_provider_id
        where p.system_provider_id = ${providerId} and p.state in ('active', 'grace', 'suspended')
          and p.ends_at between ${new Date(now - GRACE_MS - LOOK_BACK_MS)} and ${new Date(now + LOOK_AHEAD_MS)}
        order by p.ends_at, p.id`);
    return rows.map((row) => itemOf('purchase', row.state === 'suspended' ? 'suspended' : 'expires', row));
  }

  /**
   * A sub-purchase has no end of its own: it is at stake when a purchase of its product ends and what remains does not
   * cover what is committed. The purchase's id stands for it, since a portal user's node has one of a product.
   */
  private async subPurchases(level: 'reseller' | 'group', nodeId: string): Promise<ExpiryItem[]> {
    const now = this.clock.now().getTime();
    const table = sql.table(level === 'reseller' ? 'reseller' : 'reseller_group');
    const rows = await this.db.query<Row>(sql`
      select p.id, p.application, p.license_type as "licenseType", s.quantity, p.state, n.name as holder,
          p.starts_at as "startedAt", p.ends_at as "expiresAt"
        from license_share s join license_pool o on o.id = s.pool_id
          join license_purchase p on p.pool_id = s.pool_id join ${table} n on n.id = s.node_id
        where s.node_id = ${nodeId} and s.quantity > 0 and p.state in ('active', 'grace', 'suspended')
          and p.ends_at between ${new Date(now - GRACE_MS - LOOK_BACK_MS)} and ${new Date(now + LOOK_AHEAD_MS)}
          and o.committed > (
            select case when count(*) filter (where r.quantity is null) = 0 then coalesce(sum(r.quantity), 0) end
              from license_purchase r
              where r.pool_id = p.pool_id and r.state in ('scheduled', 'active') and r.starts_at <= p.ends_at
                and (r.ends_at is null or r.ends_at > p.ends_at))
        order by p.ends_at, p.id`);
    return rows.map((row) => itemOf('sub-purchase', row.state === 'suspended' ? 'suspended' : 'expires', row));
  }

  private async trials(level: 'reseller' | 'group', nodeId: string): Promise<ExpiryItem[]> {
    const now = this.clock.now().getTime();
    const node = sql.ref(level === 'reseller' ? 't.reseller_id' : 't.group_id');
    const rows = await this.db.query<Row>(sql`
      select t.id, t.application, t.license_type as "licenseType", t.state, t.reason,
          coalesce(nullif(u.name, ''), u.broadworks_user_id) as holder,
          t.started_at as "startedAt", t.ends_at as "expiresAt"
        from trial t join app_user u on u.id = t.user_id and u.ended_at is null
        where ${node} = ${nodeId} and (
          (t.state = 'running' and t.ends_at < ${new Date(now + LOOK_AHEAD_MS)})
          or (t.state = 'expired' and not t.licensed and t.ended_at > ${new Date(now - LOOK_BACK_MS)}))
        order by t.ends_at, t.id`);
    return rows.map((row) => itemOf('trial', row.state === 'expired' ? 'unlicensed' : 'expires', row));
  }
}
