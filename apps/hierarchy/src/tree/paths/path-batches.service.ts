import { Injectable } from '@nestjs/common';
import { Clock, type Actor } from '@strowger/kernel';
import { Db, Outbox, sql } from '@strowger/persistence';
import { Group } from '../groups/group.entity.js';
import { HistoryService } from '../../history/history.service.js';
import { Reseller } from '../resellers/reseller.entity.js';
import { User } from '../users/user.entity.js';
import { PathsService } from './paths.service.js';

/** A reseller or group by the id it has in BroadWorks, with the name it gets when it is made. */
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

/** Who makes them, and where. */
export interface Maker {
  actor: Actor;
  systemProviderId: string;
}

/** A user to be made in a group of `Levels`. */
export interface WantedUser {
  resellerKey: string;
  groupKey: string;
  broadworksUserId: string;
  name: string;
}

/** As plain rows: an entity has a serialization of its own. */
const jsonOf = (rows: readonly object[]): string => JSON.stringify(rows.map((row) => ({ ...row })));

const byKey = (a: Wanted, b: Wanted): number => (a.key < b.key ? -1 : 1);

/**
 * Many paths at once, in the transaction the caller is in: a few statements, however many there are. Always in the same
 * order, so that two who make the same ones wait but do not block.
 * @throws Overtaken from each of its methods
 */
@Injectable()
export class PathBatches {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly outbox: Outbox,
    private readonly history: HistoryService,
    private readonly paths: PathsService,
  ) {}

  /** The ids of resellers and groups, made where they are missing. They stay until the transaction ends. */
  async ensureLevels(maker: Maker, resellers: readonly Wanted[], groups: readonly WantedGroup[]): Promise<Levels> {
    const resellerIds = await this.ensureResellers(maker, [...resellers].sort(byKey));
    return { resellers: resellerIds, groups: await this.ensureGroups(maker, resellerIds, [...groups].sort(byKey)) };
  }

  /**
   * Users of groups that `ensureLevels` has found or made.
   * @param more goes into their history
   * @returns the users' ids by what they are compared by
   */
  async makeUsers(
    { actor, systemProviderId }: Maker,
    wanted: readonly WantedUser[],
    { groups }: Levels,
    more: Record<string, unknown>,
  ): Promise<Map<string, string>> {
    const at = this.clock.now();
    const users = wanted
      .map(({ broadworksUserId, name, resellerKey, groupKey }) => {
        const { id, resellerId } = groups.get(groupAt(resellerKey, groupKey))!;
        return User.create({ groupId: id, broadworksUserId, name }, { id, resellerId, systemProviderId }, at);
      })
      .sort((a, b) => (a.broadworksUserKey < b.broadworksUserKey ? -1 : 1));
    const made = await this.db.query(sql`
      insert into app_user (id, system_provider_id, reseller_id, group_id, broadworks_user_id, broadworks_user_key, name,
        version, created_at)
      select id, "systemProviderId", "resellerId", "groupId", "broadworksUserId", "broadworksUserKey", name, version,
        "createdAt"
      from json_to_recordset(${jsonOf(users)}::json) as u (id uuid, "systemProviderId" uuid, "resellerId" uuid,
        "groupId" uuid, "broadworksUserId" text, "broadworksUserKey" text, name text, version int,
        "createdAt" timestamptz)
      on conflict (system_provider_id, broadworks_user_key) where ended_at is null do nothing returning id`);
    if (made.length < users.length) throw new Overtaken();
    await this.history.recordAll(
      users.map((user) => {
        const changes = { broadworksUserId: user.broadworksUserId, ...more };
        return this.history.rowOf(actor, 'created', user.historyObject(), changes);
      }),
    );
    await this.outbox.addAll(users.map((user) => user.saved()));
    return new Map(users.map((user) => [user.broadworksUserKey, user.id]));
  }

  private async ensureResellers(
    { actor, systemProviderId }: Maker,
    wanted: readonly Wanted[],
  ): Promise<Map<string, string>> {
    const keys = wanted.map(({ key }) => key);
    const there = await this.db.query(sql<{ id: string; key: string }>`
    select id, key from reseller
    where system_provider_id = ${systemProviderId} and key = any (${keys}::text[]) and ended_at is null
    order by id for key share`);
    const found = new Map(there.map(({ id, key }) => [key, id]));
    const kind = await this.paths.kindOfNewReseller(systemProviderId);
    const at = this.clock.now();
    const missing = wanted
      .filter(({ key }) => !found.has(key))
      .map(({ key, name }) => Reseller.create({ systemProviderId, key, name, kind }, systemProviderId, at));
    if (missing.length === 0) return found;
    const made = await this.db.query(sql`
    insert into reseller (id, system_provider_id, key, name, kind, version, created_at)
    select id, "systemProviderId", key, name, kind, version, "createdAt"
    from json_to_recordset(${jsonOf(missing)}::json)
      as r (id uuid, "systemProviderId" uuid, key text, name text, kind text, version int, "createdAt" timestamptz)
    on conflict (system_provider_id, key) where ended_at is null do nothing returning id`);
    if (made.length < missing.length) throw new Overtaken();
    await this.history.recordAll(
      missing.map((row) => this.history.rowOf(actor, 'created', row.historyObject(), { key: row.key, kind: row.kind })),
    );
    for (const { key, id } of missing) found.set(key, id);
    return found;
  }

  private async ensureGroups(
    { actor, systemProviderId }: Maker,
    resellers: ReadonlyMap<string, string>,
    wanted: readonly WantedGroup[],
  ): Promise<Levels['groups']> {
    const resellerKeys = new Map([...resellers].map(([key, id]) => [id, key]));
    const there = await this.db.query(sql<{ id: string; key: string; resellerId: string }>`
    select g.id, g.key, g.reseller_id as "resellerId" from reseller_group g
    join unnest(${wanted.map(({ resellerKey }) => resellers.get(resellerKey)!)}::uuid[],
      ${wanted.map(({ key }) => key)}::text[]) as w (reseller_id, key) on (g.reseller_id, g.key) = (w.reseller_id, w.key)
    where g.ended_at is null order by g.id for key share of g`);
    const found: Levels['groups'] = new Map();
    for (const { id, key, resellerId } of there)
      found.set(groupAt(resellerKeys.get(resellerId)!, key), { id, resellerId });
    const at = this.clock.now();
    const missing = wanted
      .filter(({ resellerKey, key }) => !found.has(groupAt(resellerKey, key)))
      .map(({ resellerKey, key, name }) => {
        const resellerId = resellers.get(resellerKey)!;
        return Group.create({ resellerId, key, name }, { id: resellerId, systemProviderId }, at);
      });
    if (missing.length === 0) return found;
    const made = await this.db.query(sql`
    insert into reseller_group (id, system_provider_id, reseller_id, key, name, version, created_at)
    select id, "systemProviderId", "resellerId", key, name, version, "createdAt"
    from json_to_recordset(${jsonOf(missing)}::json)
      as g (id uuid, "systemProviderId" uuid, "resellerId" uuid, key text, name text, version int, "createdAt" timestamptz)
    on conflict (reseller_id, key) where ended_at is null do nothing returning id`);
    if (made.length < missing.length) throw new Overtaken();
    await this.history.recordAll(
      missing.map((row) => this.history.rowOf(actor, 'created', row.historyObject(), { key: row.key })),
    );
    for (const { id, key, resellerId } of missing)
      found.set(groupAt(resellerKeys.get(resellerId)!, key), { id, resellerId });
    return found;
  }
}
