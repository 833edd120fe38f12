import type { Actor } from '@strowger/kernel';
import { sql, type Db } from '@strowger/persistence';
import { Group } from '../groups/group.entity.js';
import type { HistoryService } from '../../history/history.service.js';
import { Reseller } from '../resellers/reseller.entity.js';

/** A reseller or group that a row names. */
export interface Wanted {
  key: string;
  name: string;
}
export interface WantedGroup extends Wanted {
  resellerKey: string;
}
export interface Levels {
  resellers: Map<string, string>;
  /** By `groupAt`. */
  groups: Map<string, { id: string; resellerId: string }>;
}

/** Keys hold no control characters, so this stands between two. */
export const groupAt = (resellerKey: string, groupKey: string): string => `${resellerKey}\0${groupKey}`;

/** Somebody else made or ended something in between: what has been done is undone and done again. */
export class Overtaken extends Error {}

interface Tools {
  db: Db;
  history: HistoryService;
  actor: Actor;
  at: Date;
  systemProviderId: string;
}

/** As plain rows: an entity has a serialization of its own. */
export const jsonOf = (rows: readonly object[]): string => JSON.stringify(rows.map((row) => ({ ...row })));

const byKey = (a: Wanted, b: Wanted): number => (a.key < b.key ? -1 : 1);

/**
 * The ids of resellers and groups, made where they are missing: a few statements, however many there are. They stay
 * until the transaction ends. Always in the same order, so that two who make the same ones wait but do not block.
 */
export async function ensureLevels(
  tools: Tools,
  kind: Reseller['kind'],
  resellers: readonly Wanted[],
  groups: readonly WantedGroup[],
): Promise<Levels> {
  const resellerIds = await ensureResellers(tools, kind, [...resellers].sort(byKey));
  return { resellers: resellerIds, groups: await ensureGroups(tools, resellerIds, [...groups].sort(byKey)) };
}

async function ensureResellers(
  { db, history, actor, at, systemProviderId }: Tools,
  kind: Reseller['kind'],
  wanted: readonly Wanted[],
): Promise<Map<string, string>> {
  const keys = wanted.map(({ key }) => key);
  const there = await db.query(sql<{ id: string; key: string }>`
    select id, key from reseller
    where system_provider_id = ${systemProviderId} and key = any (${keys}::text[]) and ended_at is null
    order by id for key share`);
  const found = new Map(there.map(({ id, key }) => [key, id]));
  const missing = wanted
    .filter(({ key }) => !found.has(key))
    .map(({ key, name }) => Reseller.create({ systemProviderId, key, name, kind }, systemProviderId, at));
  if (missing.length === 0) return found;
  const made = await db.query(sql`
    insert into reseller (id, system_provider_id, key, name, kind, version, created_at)
    select id, "systemProviderId", key, name, kind, version, "createdAt"
    from json_to_recordset(${jsonOf(missing)}::json)
      as r (id uuid, "systemProviderId" uuid, key text, name text, kind text, version int, "createdAt" timestamptz)
    on conflict (system_provider_id, key) where ended_at is null do nothing returning id`);
  if (made.length < missing.length) throw new Overtaken();
  await history.recordAll(
    missing.map((row) => history.rowOf(actor, 'created', row.historyObject(), { key: row.key, kind: row.kind })),
  );
  for (const { key, id } of missing) found.set(key, id);
  return found;
}

async function ensureGroups(
  { db, history, actor, at, systemProviderId }: Tools,
  resellers: ReadonlyMap<string, string>,
  wanted: readonly WantedGroup[],
): Promise<Levels['groups']> {
  const resellerKeys = new Map([...resellers].map(([key, id]) => [id, key]));
  const there = await db.query(sql<{ id: string; key: string; resellerId: string }>`
    select g.id, g.key, g.reseller_id as "resellerId" from reseller_group g
    join unnest(${wanted.map(({ resellerKey }) => resellers.get(resellerKey)!)}::uuid[],
      ${wanted.map(({ key }) => key)}::text[]) as w (reseller_id, key) on (g.reseller_id, g.key) = (w.reseller_id, w.key)
    where g.ended_at is null order by g.id for key share of g`);
  const found: Levels['groups'] = new Map();
  for (const { id, key, resellerId } of there)
    found.set(groupAt(resellerKeys.get(resellerId)!, key), { id, resellerId });
  const missing = wanted
    .filter(({ resellerKey, key }) => !found.has(groupAt(resellerKey, key)))
    .map(({ resellerKey, key, name }) => {
      const resellerId = resellers.get(resellerKey)!;
      return Group.create({ resellerId, key, name }, { id: resellerId, systemProviderId }, at);
    });
  if (missing.length === 0) return found;
  const made = await db.query(sql`
    insert into reseller_group (id, system_provider_id, reseller_id, key, name, version, created_at)
    select id, "systemProviderId", "resellerId", key, name, version, "createdAt"
    from json_to_recordset(${jsonOf(missing)}::json)
      as g (id uuid, "systemProviderId" uuid, "resellerId" uuid, key text, name text, version int, "createdAt" timestamptz)
    on conflict (reseller_id, key) where ended_at is null do nothing returning id`);
  if (made.length < missing.length) throw new Overtaken();
  await history.recordAll(missing.map((row) => history.rowOf(actor, 'created', row.historyObject(), { key: row.key })));
  for (const { id, key, resellerId } of missing)
    found.set(groupAt(resellerKeys.get(resellerId)!, key), { id, resellerId });
  return found;
}
