import { Injectable } from '@nestjs/common';
import {
  type ListLoginHistory,
  type LoginBinding,
  type LoginHistoryView,
  type LoginOutcome,
} from '@strowger/contracts-hierarchy';
import { Clock, isId, newId, pageOf, readCursor, type Page } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { HierarchyConfig } from '../../config.js';
import { DEFAULT_LIMIT, matching, type Where } from '../../listing.js';
import { LoginHistoryEntry } from './login-history.entity.js';
import { plainText } from './plain-text.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const SWEEP_BATCH = 5000;

/** One login as it came in. Holds no password. */
export interface LoginSeen {
  account?: { kind: 'interface-user' | 'portal-user'; id: string };
  presentedUserName: string;
  /** Canonical; undefined when it is not known. */
  address?: string;
  forwardedFor?: string;
  binding?: LoginBinding;
  operation?: string;
  userAgent?: string;
  requestId?: string;
}

/** Every login to the portal and to the SOAP API, kept for a look back. */
@Injectable()
export class LoginHistory {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly config: HierarchyConfig,
  ) {}

  /**
   * Adds a row, in the caller's transaction if there is one.
   * @param same rows of the same kind within the hour are counted in one; `count` of them at once
   * @returns whether a row was added, rather than counted up
   */
  async add(seen: LoginSeen, outcome: LoginOutcome, same?: { as: string; count?: number }): Promise<boolean> {
    const at = this.clock.now();
    const hour = Math.floor(at.getTime() / HOUR_MS);
    const sameAs = same ? plainText(`${outcome} ${same.as} ${seen.address ?? '-'} ${hour}`, 500) : null;
    const rows = await this.db.query(
      sql<{ added: boolean }>`
        insert into login_history (id, at, last_at, count, account_kind, account_id, presented_user_name, address,
          forwarded_for, outcome, binding, operation, user_agent, request_id, same_as)
        values (${newId()}, ${at}, ${at}, ${same?.count ?? 1}, ${seen.account?.kind ?? null},
          ${seen.account?.id ?? null}, ${plainText(seen.presentedUserName, 255)}, ${seen.address ?? null},
          ${plainText(seen.forwardedFor, 1000)}, ${outcome}, ${seen.binding ?? null},
          ${plainText(seen.operation, 100)}, ${plainText(seen.userAgent, 500)}, ${plainText(seen.requestId, 64)},
          ${sameAs})
        on conflict (same_as) do update
          set count = login_history.count + excluded.count, last_at = greatest(login_history.last_at, excluded.last_at)
        returning (xmax = 0) as added`,
    );
    return rows[0]!.added;
  }

  /** Newest first. The caller has checked who asks. */
  async list(query: ListLoginHistory): Promise<Page<LoginHistoryView>> {
    const limit = query.limit ?? DEFAULT_LIMIT;
    const where: Where[] = [...matching(query.search, 'presentedUserName', 'address', 'operation')];
    if (query.accountId) where.push({ accountId: query.accountId.toLowerCase() });
    if (query.outcome) where.push({ outcome: query.outcome });
    if (query.cursor) where.push({ id: { $lt: readCursor(query.cursor, isId)[0] } });
    const rows = await this.db.em().find(LoginHistoryEntry, { $and: where } as never, {
      orderBy: { id: 'desc' },
      limit: limit + 1,
    });
    return pageOf(
      rows,
      limit,
      (row) => [row.id],
      (row) => row.view(),
    );
  }

  /** What is older than it has to be kept, in small batches. */
  async forgetOld(): Promise<void> {
    const before = new Date(this.clock.now().getTime() - this.config.loginHistoryDays * DAY_MS);
    for (let gone = SWEEP_BATCH; gone === SWEEP_BATCH;)
      gone = await this.db.transactional(async () => {
        await this.db.query(sql`select set_config('strowger.retention', 'on', true)`);
        const rows = await this.db.query(sql`
          delete from login_history where id in
            (select id from login_history where at < ${before} order by at limit ${SWEEP_BATCH}) returning 1`);
        return rows.length;
      });
  }
}
