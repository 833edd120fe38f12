import { Injectable } from '@nestjs/common';
import { hierarchyRpc, type ForecastView, type GetLicenseForecast, type TermEnd } from '@strowger/contracts-hierarchy';
import { Clock, type RpcRequest } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { NodesService } from '../../nodes/nodes.service.js';
import { rankOf } from '../catalog.js';

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 30;

interface PoolRow {
  id: string;
  application: string;
  licenseType: string;
  own: number | null;
  committed: number;
  assigned: number;
  gained: number;
}
interface TermRow {
  id: string;
  poolId: string;
  quantity: number | null;
  startsAt: string;
  endsAt: string | null;
  state: string;
}
/** A moment at which what is owned changes. */
interface Step {
  at: number;
  own: number;
}

/** When each product of a system provider runs out, by the rate of the last days and the terms that end. */
@Injectable()
export class ForecastService {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly nodes: NodesService,
  ) {}

  /** Of each product the provider has, in the order of the catalog. */
  @Answers(hierarchyRpc.getLicenseForecast)
  async of({ scope, body: { id, days = DEFAULT_DAYS } }: RpcRequest<GetLicenseForecast>): Promise<ForecastView[]> {
    const provider = await this.nodes.get(scope, id, 'system-provider');
    const since = new Date(this.clock.now().getTime() - days * DAY_MS);
    const pools = await this.db.query<PoolRow>(sql`
      select p.id, p.application, p.license_type as "licenseType", p.own, p.committed,
          coalesce((select sum(drawn) from license_share s where s.pool_id = p.id and s.level = 'group'), 0)::int as assigned,
          coalesce((select sum(change) from license_ledger l where l.pool_id = p.id and l.kind = 'assignment'
            and l.action <> 'opened' and l.at > ${since}), 0)::int as gained
        from license_pool p where p.system_provider_id = ${provider.id}`);
    const terms = await this.db.query<TermRow>(sql`
      select id, pool_id as "poolId", quantity, starts_at as "startsAt", ends_at as "endsAt", state from license_purchase
        where system_provider_id = ${provider.id} and state in ('scheduled', 'active') order by ends_at nulls last, id`);
    return pools
      .sort((a, b) => rankOf(a.application, a.licenseType) - rankOf(b.application, b.licenseType))
      .map((pool) =>
        this.forecast(
          pool,
          terms.filter((term) => term.poolId === pool.id),
          days,
        ),
      );
  }

  private forecast(pool: PoolRow, terms: TermRow[], days: number): ForecastView {
    const { application, licenseType, own, committed, assigned } = pool;
    const perDay = pool.gained / days;
    const now = this.clock.now().getTime();
    const ends: TermEnd[] = terms
      .filter((term) => term.endsAt !== null)
      .map(({ id: purchaseId, quantity, endsAt }) => ({
        purchaseId,
        ...(quantity === null ? {} : { quantity }),
        endsAt: new Date(endsAt!).toISOString(),
      }));
    const exhausted = exhaustion(committed, perDay / DAY_MS, stepsOf(terms, now, own));
    return {
      application,
      licenseType,
      ...(own === null ? {} : { owned: own, free: own - committed }),
      committed,
      assigned,
      assignedPerDay: Math.round(perDay * 1000) / 1000,
      days,
      ...(exhausted && { exhaustedAt: new Date(exhausted.at).toISOString(), exhaustedBy: exhausted.by }),
      ends,
    };
  }
}

/** What is owned from now on, step by step; infinite while an unlimited purchase lasts. */
function stepsOf(terms: TermRow[], now: number, own: number | null): Step[] {
  const times = terms.flatMap((term) => [term.startsAt, ...(term.endsAt ? [term.endsAt] : [])]);
  const moments = [...new Set(times.map((time) => new Date(time).getTime()))].filter((at) => at > now);
  const later = moments
    .sort((a, b) => a - b)
    .map((at) => {
      const then = terms.filter(
        (term) => new Date(term.startsAt).getTime() <= at && (!term.endsAt || new Date(term.endsAt).getTime() > at),
      );
      return { at, own: then.reduce((sum, term) => sum + (term.quantity ?? Infinity), 0) };
    });
  return [{ at: now, own: own ?? Infinity }, ...later];
}

/** The first moment with nothing free, walking from step to step along the line of the rate. */
export function exhaustion(
  committed: number,
  perMs: number,
  steps: Step[],
): { at: number; by: NonNullable<ForecastView['exhaustedBy']> } | undefined {
  const start = steps[0]!.at;
  const drawnAt = (at: number): number => Math.max(0, committed + perMs * (at - start));
  for (const [index, step] of steps.entries()) {
    if (step.own - drawnAt(step.at) <= 0) return { at: step.at, by: index === 0 ? 'now' : 'expiry' };
    if (perMs <= 0) continue;
    const at = start + (step.own - committed) / perMs;
    const until = steps[index + 1]?.at ?? Infinity;
    // Beyond the year 9999 is never.
    if (at < until && at < 253_402_300_800_000) return { at: Math.ceil(at), by: 'rate' };
  }
  return undefined;
}
