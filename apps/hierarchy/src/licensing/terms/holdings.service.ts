import { Injectable } from '@nestjs/common';
import { hierarchyRpc, type ById, type LicenseHoldingView } from '@strowger/contracts-hierarchy';
import { Clock, NotFound, type RpcRequest } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { rowSeenBy } from '../../nodes/scope-sql.js';
import { rankOf } from '../catalog.js';
import { TermsService } from './terms.service.js';

interface Row {
  id: string;
  poolId: string | null;
  kind: 'permanent' | 'trial';
  application: string;
  licenseType: string;
  assignedAt: string;
  expiresAt: string | null;
  suspendedAt: string | null;
  /** A purchase of the product ends some day. */
  termed: boolean;
}

/** What a user has: permanent licenses and running trials, each with its end. */
@Injectable()
export class HoldingsService {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly terms: TermsService,
  ) {}

  /** In the order of the catalog. */
  @Answers(hierarchyRpc.listLicenseHoldings)
  async list({ scope, body: { id } }: RpcRequest<ById>): Promise<LicenseHoldingView[]> {
    const [user] = await this.db.query(sql<{ id: string }>`
      select id from app_user n where id = ${id} and ended_at is null and ${rowSeenBy(scope, 'n', 'user')}`);
    if (!user) throw new NotFound('user', id);
    const rows = await this.db.query<Row>(sql`
      select a.id, a.pool_id as "poolId", 'permanent' as kind, a.application, a.license_type as "licenseType",
          a.assigned_at as "assignedAt", null::timestamptz as "expiresAt", a.suspended_at as "suspendedAt",
          exists (select from license_purchase p where p.pool_id = a.pool_id and p.ends_at is not null
            and p.state in ('active', 'grace')) as termed
        from license_assignment a where a.user_id = ${user.id} and a.ended_at is null
      union all
      select t.id, null, 'trial', t.application, t.license_type, t.started_at, t.ends_at, null, false
        from trial t where t.user_id = ${user.id} and t.state = 'running' and t.ends_at > ${this.clock.now()}`);
    const views: LicenseHoldingView[] = [];
    for (const row of rows.sort(byCatalogue)) views.push(await this.viewOf(row));
    return views;
  }

  private async viewOf(row: Row): Promise<LicenseHoldingView> {
    const { id, poolId, kind, application, licenseType, termed } = row;
    const assignedAt = new Date(row.assignedAt);
    const term =
      poolId && termed
        ? await this.terms.termOf({ id, poolId })
        : { ...(row.expiresAt ? { expiresAt: new Date(row.expiresAt) } : {}) };
    return {
      id,
      kind,
      application,
      licenseType,
      assignedAt: assignedAt.toISOString(),
      ...(term.expiresAt ? { expiresAt: term.expiresAt.toISOString() } : {}),
      ...(term.graceUntil ? { graceUntil: term.graceUntil.toISOString() } : {}),
      ...(row.suspendedAt ? { suspendedAt: new Date(row.suspendedAt).toISOString() } : {}),
    };
  }
}

const byCatalogue = (a: Row, b: Row): number =>
  rankOf(a.application, a.licenseType) - rankOf(b.application, b.licenseType) || a.kind.localeCompare(b.kind);
