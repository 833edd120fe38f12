import { Injectable } from '@nestjs/common';
import { hierarchyRpc, type EnsurePath, type PathView } from '@strowger/contracts-hierarchy';
import { AppError, Clock, NotFound, type Actor, type RpcContext, type RpcRequest } from '@strowger/kernel';
import { Db, Outbox, selectOutboxRows, sql, type RawBuilder } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { Group } from '../groups/group.entity.js';
import { HistoryService, insertHistory, type HistoryObject } from '../../history/history.service.js';
import { Reseller } from '../resellers/reseller.entity.js';
import { User } from '../users/user.entity.js';
import { UserInOtherGroup } from '../users/user.errors.js';
import { UserIds } from '../users/user-ids.service.js';
import { providerSeenBy } from '../../nodes/scope-sql.js';
import { userKeyOf } from '../keys.js';

/** What of a path is there; a level that is not is null. */
interface Found {
  resellerId: string | null;
  resellerName: string | null;
  groupId: string | null;
  groupName: string | null;
  userId: string | null;
  broadworksUserId: string | null;
  userName: string | null;
  userGroupId: string | null;
}
interface Path {
  reseller?: Reseller;
  group?: Group;
  user: User;
}

/** Each try sees at least one more level made by somebody else; more means that somebody deletes what we make. */
const TRIES = 10;

/**
 * Makes a user and what is missing above it (AddUserWithHierarchy and its REST twin). One look when all is there, one
 * statement more when only the user is missing. Levels are always made from the top, so callers that make the same
 * reseller at once wait for the first and then use its row; none waits for another in a circle.
 */
@Injectable()
export class PathsService {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly outbox: Outbox,
    private readonly history: HistoryService,
    private readonly userIds: UserIds,
  ) {}

  /**
   * Safe to repeat; joins the caller's transaction. What exists stays as it is, whatever names are given.
   * @throws NotFound for a system provider outside the scope; UserInOtherGroup, and nothing is made then
   */
  @Answers(hierarchyRpc.ensurePath)
  async ensure({ body: given, ...context }: RpcRequest<EnsurePath>): Promise<PathView> {
    const found = await this.find(context, given);
    if (found.userId) return view(given, found);
    this.userIds.check(given.user.broadworksUserId, 'user.broadworksUserId');
    if (found.groupId) {
      // A single statement is a transaction of its own.
      const path = this.missing(given, found);
      if ((await this.add(context.actor, given, found, path)).user) return view(given, found, path);
    }
    return this.db.transactional(() => this.build(context, given));
  }

  private async build(context: RpcContext, given: EnsurePath): Promise<PathView> {
    const made: Omit<Path, 'user'> = {};
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const found = await this.find(context, given);
      if (found.userId) return view(given, found, made);
      const kind = found.resellerId ? undefined : await this.kindOfNewReseller(given.systemProviderId);
      const path = this.missing(given, found, kind);
      const added = await this.add(context.actor, given, found, path);
      if (added.reseller && path.reseller) made.reseller = path.reseller;
      if (added.group && path.group) made.group = path.group;
      if (added.user) return view(given, found, { ...path, ...made });
    }
    throw new AppError(
      'conflict',
      'conflict',
      'The reseller or group was deleted and made again and again meanwhile. Repeat the request; that is safe.',
    );
  }

  private async find({ scope }: RpcContext, given: EnsurePath): Promise<Found> {
    const statement = sql<Found>`
      select r.id as "resellerId", r.name as "resellerName", g.id as "groupId", g.name as "groupName", u.id as "userId",
        u.broadworks_user_id as "broadworksUserId", u.name as "userName", u.group_id as "userGroupId"
      from system_provider p
      left join reseller r on r.system_provider_id = p.id and r.key = ${given.reseller.key} and r.ended_at is null
      left join reseller_group g on g.reseller_id = r.id and g.key = ${given.group.key} and g.ended_at is null
      left join app_user u on u.system_provider_id = p.id and u.ended_at is null
        and u.broadworks_user_key = ${userKeyOf(given.user.broadworksUserId)}
      where p.id = ${given.systemProviderId} and p.ended_at is null and ${providerSeenBy(scope, 'p')}`;
    const [found] = await this.db.query(statement, { prepared: true });
    if (!found) throw new NotFound('system-provider', given.systemProviderId);
    if (found.userId && found.userGroupId !== found.groupId)
      throw new UserInOtherGroup(given.user.broadworksUserId, await this.whereIs(found.userGroupId!));
    return found;
  }

  private async whereIs(groupId: string): Promise<{ reseller: string; group: string }> {
    const [place] = await this.db.query(sql<{ reseller: string; group: string }>`
      select r.key as reseller, g.key as group from reseller_group g join reseller r on r.id = g.reseller_id
      where g.id = ${groupId}`);
    return place!;
  }

  /** That of the provider, or of the nearest one above that says. */
  async kindOfNewReseller(systemProviderId: string): Promise<Reseller['kind']> {
    const [setting] = await this.db.query(sql<{ kind: Reseller['kind'] }>`
      select above.new_reseller_kind as kind
      from system_provider p join system_provider above on above.id = any (p.path)
      where p.id = ${systemProviderId} and above.new_reseller_kind is not null
      order by cardinality(above.path) desc limit 1`);
    return setting?.kind ?? 'service-provider';
  }

  /** The levels that are not there yet, ready to be made. */
  private missing(given: EnsurePath, found: Found, kind: Reseller['kind'] = 'service-provider'): Path {
    const { systemProviderId } = given;
    const at = this.clock.now();
    const reseller = found.resellerId
      ? undefined
      : Reseller.create({ ...given.reseller, systemProviderId, kind }, systemProviderId, at);
    const resellerId = found.resellerId ?? reseller!.id;
    const group = found.groupId
      ? undefined
      : Group.create({ ...given.group, resellerId }, { id: resellerId, systemProviderId }, at);
    const groupId = found.groupId ?? group!.id;
    const user = User.create({ ...given.user, groupId }, { id: groupId, resellerId, systemProviderId }, at);
    return { ...(reseller ? { reseller } : {}), ...(group ? { group } : {}), user };
  }

  /**
   * One statement: each level is made only if the one above was made or is there and stays (the key-share lock: a
   * deletion locks for update). Where somebody was faster, that level and those below it are not made.
   */
  private async add(
    actor: Actor,
    { systemProviderId }: EnsurePath,
    found: Found,
    { reseller, group, user }: Path,
  ): Promise<{ reseller: boolean; group: boolean; user: boolean }> {
    const created = (about: HistoryObject, changes: Record<string, unknown>) =>
      this.history.rowOf(actor, 'created', about, changes);
    const entries = [
      ...(reseller ? [created(reseller.historyObject(), { key: reseller.key, kind: reseller.kind })] : []),
      ...(group ? [created(group.historyObject(), { key: group.key })] : []),
      created(user.historyObject(), { broadworksUserId: user.broadworksUserId }),
    ];
    const statement = sql<{ reseller: boolean; group: boolean; user: boolean }>`
      with ${levelsAbove(systemProviderId, found, reseller, group)},
      new_user as (
        insert into app_user (id, system_provider_id, reseller_id, group_id, broadworks_user_id, broadworks_user_key,
          name, version, created_at)
        select ${user.id}::uuid, ${user.systemProviderId}::uuid, ${user.resellerId}::uuid, id,
          ${user.broadworksUserId}, ${user.broadworksUserKey}, ${user.name}, ${user.version}::int,
          ${user.createdAt}::timestamptz from its_group
        on conflict (system_provider_id, broadworks_user_key) where ended_at is null do nothing returning id),
      made as (select id from its_reseller union all select id from its_group union all select id from new_user),
      noted as (${insertHistory(entries, sql`where "objectId" in (select id::text from made)`)}),
      published as (
        insert into outbox (id, type, subject, sequence, tenant_id, traceparent, event)
        ${selectOutboxRows([this.outbox.rowOf(user.saved())])} where exists (select from new_user))
      select exists (select from its_reseller) as reseller, exists (select from its_group) as "group",
        exists (select from new_user) as "user"`;
    // To plan it takes longer than to run it.
    const [added] = await this.db.query(statement, { prepared: true });
    if (added!.user) this.outbox.wakeAfterCommit();
    return added!;
  }
}

/** The common table expressions `its_reseller` and `its_group`: a row each when the level is there or is made now. */
function levelsAbove(providerId: string, found: Found, reseller?: Reseller, group?: Group): RawBuilder<unknown> {
  const itsReseller = reseller
    ? sql`insert into reseller (id, system_provider_id, key, name, kind, version, created_at)
        select ${reseller.id}::uuid, id, ${reseller.key}, ${reseller.name}, ${reseller.kind}, ${reseller.version}::int,
          ${reseller.createdAt}::timestamptz
        from (select id from system_provider where id = ${providerId} and ended_at is null for key share) as provider
        on conflict (system_provider_id, key) where ended_at is null do nothing returning id`
    : group
      ? sql`select id from reseller where id = ${found.resellerId} and ended_at is null for key share`
      : sql`select null::uuid as id where false`;
  const itsGroup = group
    ? sql`insert into reseller_group (id, system_provider_id, reseller_id, key, name, version, created_at)
        select ${group.id}::uuid, ${providerId}::uuid, id, ${group.key}, ${group.name}, ${group.version}::int,
          ${group.createdAt}::timestamptz from its_reseller
        on conflict (reseller_id, key) where ended_at is null do nothing returning id`
    : sql`select id from reseller_group where id = ${found.groupId} and ended_at is null for key share`;
  return sql`its_reseller as (${itsReseller}), its_group as (${itsGroup})`;
}

function view(given: EnsurePath, found: Found, made: Partial<Path> = {}): PathView {
  const node = (
    before: { id: string | null; name: string | null },
    now: Reseller | Group | undefined,
    key: string,
  ) => ({
    id: now?.id ?? before.id!,
    key,
    name: now?.name ?? before.name!,
    result: now ? ('created' as const) : ('kept' as const),
  });
  const { user } = made;
  return {
    systemProviderId: given.systemProviderId,
    reseller: node({ id: found.resellerId, name: found.resellerName }, made.reseller, given.reseller.key),
    group: node({ id: found.groupId, name: found.groupName }, made.group, given.group.key),
    user: {
      id: user?.id ?? found.userId!,
      broadworksUserId: user?.broadworksUserId ?? found.broadworksUserId!,
      name: user?.name ?? found.userName!,
      result: user ? 'created' : 'kept',
    },
  };
}
