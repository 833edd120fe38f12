import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import {
  hierarchyRpc,
  UserDeletedV1,
  type ById,
  type DeletionLevel,
  type DeletionPreview,
  type DeletionView,
} from '@strowger/contracts-hierarchy';
import { Clock, factOf, NotFound, type Actor, type RpcRequest } from '@strowger/kernel';
import { Db, Outbox, sql } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { GroupsService } from '../../tree/groups/groups.service.js';
import { HistoryService, type HistoryObject } from '../../history/history.service.js';
import { PoolsService } from '../../licensing/pools.service.js';
import { SeatsService } from '../../licensing/seats.service.js';
import { AccountEndings } from '../../accounts/portal-users/account-endings.service.js';
import type { Deletions } from '../../tree/deletions.js';
import { OwnProvider, ProviderNotEmpty } from './deletion.errors.js';
import { SystemProvidersService } from '../../tree/system-providers/system-providers.service.js';
import { ResellersService } from '../../tree/resellers/resellers.service.js';
import { UsersService } from '../../tree/users/users.service.js';
import { providerSeenBy, rowSeenBy } from '../../nodes/scope-sql.js';

/** The column that names the deleted node in rows below it, and its name in the database. */
type Column = 'resellerId' | 'groupId';
const NAMES = { resellerId: 'reseller_id', groupId: 'group_id' } as const;

interface EndedRow {
  id: string;
  name: string;
  version: number;
  systemProviderId: string;
  resellerId: string;
  groupId: string;
}

/**
 * Deletes nodes with all below them: few statements, however many rows. What has ended keeps its row. Locks go from the
 * top down (reseller, groups, users, license pools), as everywhere.
 *
 * The operation that a caller follows has the id of the deleted node: it is done when provisioning holds no number under
 * it any more, so nothing needs to be kept for it here.
 */
@Injectable()
export class DeletionsService implements Deletions {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly outbox: Outbox,
    private readonly history: HistoryService,
    private readonly providers: SystemProvidersService,
    private readonly resellers: ResellersService,
    private readonly groups: GroupsService,
    private readonly users: UsersService,
    private readonly pools: PoolsService,
    private readonly seats: SeatsService,
    private readonly accounts: AccountEndings,
  ) {}

  /**
   * Refused while it has resellers, child providers or platforms: anyone who adds one of these holds or locks the row
   * first, so none slips in after the count. Its host names are free at once, its purchases are over, its portal users
   * and interface users can't sign in any more.
   */
  @Answers(hierarchyRpc.deleteSystemProvider)
  async deleteSystemProvider({ scope, actor, body: { id } }: RpcRequest<ById>): Promise<null> {
    await this.db.transactional(async (em) => {
      const provider = await this.providers.lock(em, scope, id);
      if (scope.level === 'system-provider' && scope.id === provider.id) throw new OwnProvider();
      const holds = await this.holdsOf(em, provider.id);
      if (holds.resellers + holds.children + holds.platforms > 0) throw new ProviderNotEmpty(provider.id, holds);
      const at = this.clock.now();
      await this.providers.endHostNames(em, provider.id, at);
      await this.seats.releaseUnder(em, 'systemProviderId', provider.id, at, actor);
      await this.accounts.endUnder(em, actor, 'system_provider_id', provider.id, at);
      this.outbox.add(em, provider.end(at, actor));
      this.history.record(em, actor, 'deleted', provider.historyObject());
    });
    return null;
  }

  @Answers(hierarchyRpc.deleteReseller)
  async deleteReseller({ scope, actor, body: { id } }: RpcRequest<ById>): Promise<DeletionView> {
    return this.pools.transactional(async (em) => {
      const reseller = await this.resellers.lock(em, scope, id);
      const at = this.clock.now();
      const groups = await this.endGroups(actor, reseller.id, at);
      const gone = await this.endBelow(em, actor, 'resellerId', reseller.id, at);
      this.outbox.add(em, reseller.end(at, actor));
      this.history.record(em, actor, 'deleted', reseller.historyObject(), { groups, ...gone });
      return deletionOf('reseller', { id: reseller.id, systemProviderId: reseller.systemProviderId, endedAt: at });
    });
  }

  @Answers(hierarchyRpc.deleteGroup)
  async deleteGroup({ scope, actor, body: { id } }: RpcRequest<ById>): Promise<DeletionView> {
    return this.pools.transactional(async (em) => {
      const group = await this.groups.lock(em, scope, id);
      const at = this.clock.now();
      const gone = await this.endBelow(em, actor, 'groupId', group.id, at);
      this.outbox.add(em, group.end(at, actor));
      this.history.record(em, actor, 'deleted', group.historyObject(), { ...gone });
      return deletionOf('group', { id: group.id, systemProviderId: group.systemProviderId, endedAt: at });
    });
  }

  @Answers(hierarchyRpc.deleteUser)
  async deleteUser({ body: { id }, ...context }: RpcRequest<ById>): Promise<DeletionView> {
    const { systemProviderId, endedAt, ...user } = await this.users.delete(context, id);
    return deletionOf('user', { id: user.id, systemProviderId, endedAt: endedAt! });
  }

  /** What was deleted under this id. */
  @Answers(hierarchyRpc.getDeletion)
  async get({ scope, body: { id } }: RpcRequest<ById>): Promise<DeletionView> {
    const [found] = await this.db.query(sql<{
      level: DeletionLevel;
      id: string;
      systemProviderId: string;
      endedAt: Date | string;
    }>`
      select level, id, system_provider_id as "systemProviderId", ended_at as "endedAt" from (
        select 'user' as level, id, system_provider_id, ended_at from app_user n
          where id = ${id} and ${rowSeenBy(scope, 'n', 'user')}
        union all select 'group', id, system_provider_id, ended_at from reseller_group n
          where id = ${id} and ${rowSeenBy(scope, 'n', 'group')}
        union all select 'reseller', id, system_provider_id, ended_at from reseller n
          where id = ${id} and ${rowSeenBy(scope, 'n', 'reseller')}
        union all select 'system-provider', id, id, ended_at from system_provider n
          where id = ${id} and ${providerSeenBy(scope, 'n')}) as node
      where ended_at is not null`);
    if (!found) throw new NotFound('operation', id);
    return deletionOf(found.level, { ...found, endedAt: new Date(found.endedAt) });
  }

  @Answers(hierarchyRpc.previewResellerDeletion)
  async previewReseller({ scope, body: { id } }: RpcRequest<ById>): Promise<DeletionPreview> {
    const reseller = await this.resellers.find(scope, id);
    if (!reseller) throw new NotFound('reseller', id);
    return this.preview('reseller', reseller, 'resellerId');
  }

  @Answers(hierarchyRpc.previewGroupDeletion)
  async previewGroup({ scope, body: { id } }: RpcRequest<ById>): Promise<DeletionPreview> {
    const group = await this.groups.find(scope, id);
    if (!group) throw new NotFound('group', id);
    return this.preview('group', group, 'groupId');
  }

  @Answers(hierarchyRpc.previewUserDeletion)
  async previewUser(request: RpcRequest<ById>): Promise<DeletionPreview> {
    const { name, id: userId } = await this.users.get(request);
    const [row] = await this.db.query(sql<{ licenses: number }>`
      select count(*)::int as licenses from license_assignment where user_id = ${userId} and ended_at is null`);
    return { level: 'user', id: userId, name, groups: 0, users: 1, portalUsers: 0, licenses: row!.licenses };
  }

  /** Platforms show as the alert guard's holds. */
  private async holdsOf(
    em: EntityManager,
    id: string,
  ): Promise<{ resellers: number; children: number; platforms: number }> {
    const [row] = await em.execute<{ resellers: number; children: number; platforms: number }[]>(
      `select
         (select count(*)::int from reseller where system_provider_id = ? and ended_at is null) as resellers,
         (select count(*)::int from system_provider where parent_id = ? and ended_at is null) as children,
         (select count(*)::int from alert_hold where system_provider_id = ?) as platforms`,
      [id, id, id],
    );
    return row!;
  }

  private async preview(
    level: 'reseller' | 'group',
    { id, name }: { id: string; name: string },
    column: Column,
  ): Promise<DeletionPreview> {
    const node = sql.id(NAMES[column]);
    const groups = sql`select id from reseller_group where ${sql.id(level === 'reseller' ? 'reseller_id' : 'id')} = ${id} and ended_at is null`;
    const [counts] = await this.db.query(sql<Omit<DeletionPreview, 'level' | 'id' | 'name'>>`
      select (select count(*)::int from (${groups}) as g) as groups,
        (select count(*)::int from app_user where ${node} = ${id} and ended_at is null) as users,
        (select count(*)::int from license_assignment where group_id in (${groups}) and ended_at is null) as licenses,
        (select count(*)::int from portal_user where ${node} = ${id} and ended_at is null) as "portalUsers"`);
    return { level, id, name, ...counts! };
  }

  /** @returns how many */
  private async endGroups(actor: Actor, resellerId: string, at: Date): Promise<number> {
    const ended = await this.db.query(sql<EndedRow>`
      with locked as (
        select id from reseller_group where reseller_id = ${resellerId} and ended_at is null order by id for update)
      update reseller_group g set ended_at = ${at}::timestamptz, version = version + 1
      from locked where g.id = locked.id
      returning g.id, g.name, g.version, g.system_provider_id as "systemProviderId", g.reseller_id as "resellerId",
        g.id as "groupId"`);
    const about = (row: EndedRow): HistoryObject => ({ ...row, kind: 'group' });
    await this.history.recordAll(ended.map((row) => this.history.rowOf(actor, 'deleted', about(row))));
    return ended.length;
  }

  /** Users with their licenses, and portal users; the facts of the users, and one history entry per object. */
  private async endBelow(
    em: EntityManager,
    actor: Actor,
    column: Column,
    nodeId: string,
    at: Date,
  ): Promise<{ users: number; licenses: number; portalUsers: number }> {
    const users = await this.db.query(sql<EndedRow>`
      with locked as (
        select id from app_user where ${sql.id(NAMES[column])} = ${nodeId} and ended_at is null order by id for update)
      update app_user u set ended_at = ${at}::timestamptz, messaging_entitled = false, version = version + 1
      from locked where u.id = locked.id
      returning u.id, u.name, u.version, u.system_provider_id as "systemProviderId", u.reseller_id as "resellerId",
        u.group_id as "groupId"`);
    // Nothing is assigned any more: an assignment waits for the user's row.
    const freed = Map.groupBy(
      await this.db.query(sql<{ userId: string; license: string }>`
        select user_id as "userId", application || ' ' || license_type as license from license_assignment
        where ended_at is null and group_id in (${groupsUnder(column, nodeId)}) order by application, license_type`),
      ({ userId }) => userId,
    );
    const licenses = await this.seats.releaseUnder(em, column, nodeId, at, actor);
    const portalUsers = await this.accounts.endUnder(em, actor, NAMES[column], nodeId, at);
    await this.history.recordAll(
      users.map((row) => {
        const held = freed.get(row.id)?.map(({ license }) => license);
        return this.history.rowOf(
          actor,
          'deleted',
          { ...row, kind: 'user', userId: row.id },
          held ? { freed: held } : {},
        );
      }),
    );
    await this.outbox.addAll(
      users.map(({ id: userId, version: sequence, systemProviderId }) =>
        factOf(UserDeletedV1, { subject: userId, sequence, tenantId: systemProviderId }, { userId, systemProviderId }),
      ),
    );
    return { users: users.length, licenses, portalUsers };
  }
}

/** Ended or not, so that it may be asked at any point of a deletion. */
const groupsUnder = (column: Column, nodeId: string) =>
  sql`select id from reseller_group where ${sql.id(column === 'groupId' ? 'id' : 'reseller_id')} = ${nodeId}`;

const deletionOf = (
  level: DeletionLevel,
  { id, systemProviderId, endedAt }: { id: string; systemProviderId: string; endedAt: Date },
): DeletionView => ({ id, level, systemProviderId, deletedAt: endedAt.toISOString() });
