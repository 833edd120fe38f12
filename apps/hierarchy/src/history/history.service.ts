import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import {
  Clock,
  InvalidInput,
  isId,
  newId,
  NotFound,
  pageOf,
  readCursor,
  type Actor,
  type Page,
  type RpcRequest,
} from '@strowger/kernel';
import { Db, sql, type RawBuilder } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { hierarchyRpc, type HistoryEntryView, type ListHistory } from '@strowger/contracts-hierarchy';
import { DEFAULT_LIMIT, matching, type Where } from '../listing.js';
import { seenBy } from '../visibility.js';
import { HistoryEntry } from './history-entry.entity.js';

/** What an entry is about, and the nodes whose portal users may read it. */
export interface HistoryObject {
  kind: string;
  id: string;
  name: string;
  systemProviderId?: string | null;
  resellerId?: string | null;
  groupId?: string | null;
  userId?: string | null;
}

/** Filters that name a node, the lowest first, with what it is called where there is none. */
const NODES = [
  ['userId', 'user'],
  ['groupId', 'group'],
  ['resellerId', 'reseller'],
  ['systemProviderId', 'system-provider'],
] as const;

/** Keeps a statement's parameter at a few megabytes. */
const ROWS_A_STATEMENT = 5000;
/** How far the clocks of those who make ids and those who ask may lie apart. */
const CLOCK_SLACK_MS = 3_600_000;

/** The one history: entries are added to the transaction of the change they are about, and read by scope. */
@Injectable()
export class HistoryService {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
  ) {}

  /** Adds an entry to the transaction of the change it is about. `changes` must hold no secrets. */
  record(
    em: EntityManager,
    actor: Actor,
    action: string,
    about: HistoryObject,
    changes: Record<string, unknown> = {},
  ): void {
    em.persist(Object.assign(new HistoryEntry(), this.rowOf(actor, action, about, changes)));
  }

  /** Adds many entries at once to the transaction the caller is in. */
  async recordAll(rows: readonly HistoryValues[]): Promise<void> {
    for (let from = 0; from < rows.length; from += ROWS_A_STATEMENT)
      await this.db.query(insertHistory(rows.slice(from, from + ROWS_A_STATEMENT)));
  }

  /** The row of an entry, for `recordAll` or a hand-written statement. `changes` must hold no secrets. */
  rowOf(actor: Actor, action: string, about: HistoryObject, changes: Record<string, unknown> = {}): HistoryValues {
    return {
      id: newId(),
      at: this.clock.now(),
      actorKind: actor.kind,
      actorId: actor.id,
      actorName: actor.name,
      ip: actor.ip ?? null,
      action,
      objectKind: about.kind,
      objectId: about.id,
      objectName: about.name,
      changes,
      systemProviderId: about.systemProviderId || null,
      resellerId: about.resellerId ?? null,
      groupId: about.groupId ?? null,
      userId: about.userId ?? null,
    };
  }

  /** Newest first; of a node also after its deletion. */
  @Answers(hierarchyRpc.listHistory)
  async list({ scope, body: query }: RpcRequest<ListHistory>): Promise<Page<HistoryEntryView>> {
    const limit = query.limit ?? DEFAULT_LIMIT;
    const where: Where[] = [seenBy(scope), ...nodesOf(query)];
    const filters: Where[] = [...matching(query.search, 'objectName', 'actorName', 'action')];
    if (query.objectId) filters.push({ objectId: query.objectId.toLowerCase() });
    for (const field of ['objectKind', 'action', 'actorId', 'actorKind'] as const)
      if (query[field]) filters.push({ [field]: query[field] });
    // The id bounds stop the walk down the index, since the order of ids is the order of time; `at` is exact.
    const [since, until] = [instantOf(query, 'since'), instantOf(query, 'until')];
    if (since) filters.push({ at: { $gte: since } }, { id: { $gte: idAt(since.getTime() - CLOCK_SLACK_MS) } });
    if (until) filters.push({ at: { $lt: until } }, { id: { $lte: idAt(until.getTime() + CLOCK_SLACK_MS) } });
    if (query.cursor) filters.push({ id: { $lt: readCursor(query.cursor, isId)[0] } });
    const em = this.db.em();
    const rows = await em.find(HistoryEntry, { $and: [...where, ...filters] } as never, {
      orderBy: { id: 'desc' },
      limit: limit + 1,
    });
    const node = NODES.find(([field]) => query[field]);
    // A node has an entry from its first day on.
    if (rows.length === 0 && node && !(await em.findOne(HistoryEntry, { $and: where } as never)))
      throw new NotFound(node[1], query[node[0]]!);
    return pageOf(
      rows,
      limit,
      (row) => [row.id],
      (row) => row.view(),
    );
  }
}

const nodesOf = (query: ListHistory): Where[] =>
  NODES.filter(([field]) => query[field]).map(([field]) => ({ [field]: query[field]!.toLowerCase() }));

function instantOf(query: ListHistory, field: 'since' | 'until'): Date | undefined {
  const given = query[field];
  if (!given) return undefined;
  const instant = new Date(given);
  if (Number.isNaN(instant.getTime()))
    throw new InvalidInput([{ field, rule: 'is-iso8601', message: `The field '${field}' must be a date and time.` }]);
  return instant;
}

/** The lowest id a UUIDv7 of that instant can have. */
function idAt(instantMs: number): string {
  const time = Math.min(Math.max(instantMs, 0), 2 ** 48 - 1)
    .toString(16)
    .padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`;
}

export type HistoryValues = Omit<HistoryEntry, 'view'>;

/** `select` of the rows in the order of history_entry's columns. */
export const selectHistory = (rows: readonly HistoryValues[]): RawBuilder<unknown> =>
  sql`select * from json_to_recordset(${JSON.stringify(rows)}::json) as history_rows
    (id uuid, at timestamptz, "actorKind" text, "actorId" text, "actorName" text, ip text, action text,
     "objectKind" text, "objectId" text, "objectName" text, changes jsonb,
     "systemProviderId" uuid, "resellerId" uuid, "groupId" uuid, "userId" uuid)`;

/** Inserts the rows that `selected` yields; all of them by default. */
export const insertHistory = (rows: readonly HistoryValues[], only: RawBuilder<unknown> = sql``): RawBuilder<unknown> =>
  sql`insert into history_entry (id, at, actor_kind, actor_id, actor_name, ip, action, object_kind, object_id,
    object_name, changes, system_provider_id, reseller_id, group_id, user_id) ${selectHistory(rows)} ${only}`;
