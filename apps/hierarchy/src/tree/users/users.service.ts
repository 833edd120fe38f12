import { Injectable } from '@nestjs/common';
import { LockMode, type EntityManager } from '@mikro-orm/postgresql';
import {
  hierarchyRpc,
  type ById,
  type CreateUser,
  type ListUnder,
  type UpdateUser,
  type UserView,
} from '@strowger/contracts-hierarchy';
import {
  checkVersion,
  Clock,
  InvalidInput,
  NotFound,
  type Actor,
  type Page,
  type RpcContext,
  type RpcRequest,
  type TenantScope,
} from '@strowger/kernel';
import { Db, Outbox } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import type { Group } from '../groups/group.entity.js';
import { GroupsService } from '../groups/groups.service.js';
import { isEmpty } from '../../history/changes.js';
import { HistoryService, type HistoryObject } from '../../history/history.service.js';
import { PoolsService } from '../../licensing/pools.service.js';
import { SeatsService } from '../../licensing/seats.service.js';
import { matching, pageAcrossProviders, pageByName, providersOf } from '../../listing.js';
import { columnOf, NodesService } from '../../nodes/nodes.service.js';
import { uniquely } from '../../uniqueness.js';
import { seenBy } from '../../visibility.js';
import { User } from './user.entity.js';
import { UserExists } from './user.errors.js';
import { UserIds } from './user-ids.service.js';

const visible = (scope: TenantScope) => ({
  ...seenBy(scope, { 'system-provider': 'systemProviderId', reseller: 'resellerId', group: 'groupId', user: 'id' }),
  endedAt: null,
});

/** BroadWorks users: made, changed, moved between groups, ended, and found. */
@Injectable()
export class UsersService {
  constructor(
    private readonly db: Db,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly history: HistoryService,
    private readonly groups: GroupsService,
    private readonly nodes: NodesService,
    private readonly pools: PoolsService,
    private readonly seats: SeatsService,
    private readonly userIds: UserIds,
  ) {}

  @Answers(hierarchyRpc.createUser)
  async create({ scope, actor, body: given }: RpcRequest<CreateUser>): Promise<UserView> {
    return this.db.transactional(async (em) => {
      const group = await this.groups.hold(em, scope, given.groupId);
      this.userIds.check(given.broadworksUserId);
      const user = User.create(given, group, this.clock.now());
      em.persist(user);
      this.history.record(em, actor, 'created', user.historyObject(), { broadworksUserId: given.broadworksUserId });
      this.outbox.add(em, user.saved());
      await this.flush(em, given.broadworksUserId);
      return user.view();
    });
  }

  /**
   * Changes what is given, the user id and the group too. A move takes the licenses along, so the group and its reseller
   * must have room for them; where they haven't, nothing changes.
   */
  @Answers(hierarchyRpc.updateUser)
  async update({ scope, actor, body: given }: RpcRequest<UpdateUser>): Promise<UserView> {
    return this.pools.transactional(async (em) => {
      // Nodes before users: the order of all who lock both.
      const target = given.groupId ? await this.groups.hold(em, scope, given.groupId) : undefined;
      const user = await this.lock(em, scope, given.id);
      checkVersion('user', user, given.version);
      if (given.broadworksUserId && given.broadworksUserId !== user.broadworksUserId)
        this.userIds.check(given.broadworksUserId);
      const before = user.historyObject();
      if (target && target.id !== user.groupId) await this.move(em, actor, user, target);
      const changes = user.update(given, target);
      if (!isEmpty(changes)) {
        if (changes['groupId']) this.history.record(em, actor, 'moved-away', placeLeft(before, user), changes);
        this.history.record(em, actor, 'updated', user.historyObject(), changes);
        this.outbox.add(em, user.saved());
      }
      await this.flush(em, user.broadworksUserId);
      return user.view();
    });
  }

  /**
   * Ends the user and frees its licenses in one transaction; other services hear of it and let go of what they hold.
   * @returns the user as it ended
   */
  async delete({ scope, actor }: RpcContext, id: string): Promise<User> {
    return this.pools.transactional(async (em) => {
      const user = await this.lock(em, scope, id);
      const freed = await this.seats.giveBackAll(em, user, actor);
      this.outbox.add(em, user.end(this.clock.now()));
      const licenses = freed.map((license) => `${license.application} ${license.licenseType}`);
      this.history.record(em, actor, 'deleted', user.historyObject(), licenses.length > 0 ? { freed: licenses } : {});
      return user;
    });
  }

  @Answers(hierarchyRpc.getUser)
  async get({ scope, body: { id } }: RpcRequest<ById>): Promise<UserView> {
    const user = await this.db.em().findOne(User, { $and: [visible(scope), { id }] });
    if (!user) throw new NotFound('user', id);
    return user.view();
  }

  /** Under a group, a reseller or a whole system provider. */
  @Answers(hierarchyRpc.listUsers)
  async list({ scope, body: query }: RpcRequest<ListUnder>): Promise<Page<UserView>> {
    const em = this.db.em();
    const view = (rows: User[]): UserView[] => rows.map((row) => row.view());
    const matches = matching(query.search, 'name', 'broadworksUserId');
    if (query.parentId) {
      // What is under a node in scope is in scope.
      const node = await this.nodes.get(scope, query.parentId);
      return pageByName(em, User, [{ [columnOf(node)]: node.id, endedAt: null }, ...matches], query, view);
    }
    const providers = await providersOf(em, scope);
    if (providers && providers.length > 1)
      return pageAcrossProviders(this.db, User, ['name', 'broadworks_user_id'], providers, query, view);
    const seen = providers ? { systemProviderId: scope.id, endedAt: null } : visible(scope);
    return pageByName(em, User, [seen, ...matches], query, view);
  }

  /** Notes that the actor was let in as this user. */
  @Answers(hierarchyRpc.recordClientToken)
  async recordClientToken({ scope, actor, body: { id } }: RpcRequest<ById>): Promise<UserView> {
    return this.db.transactional(async (em) => {
      const user = await em.findOne(User, { $and: [visible(scope), { id }] });
      if (!user) throw new NotFound('user', id);
      this.history.record(em, actor, 'client-token-minted', user.historyObject());
      return user.view();
    });
  }

  /** The client knows the name in BroadWorks; what a back office entered may be old. */
  async correctName(em: EntityManager, actor: Actor, user: User, name: string | undefined): Promise<void> {
    if (!name) return;
    const changes = user.update({ name });
    if (isEmpty(changes)) return;
    this.history.record(em, actor, 'updated', user.historyObject(), changes);
    this.outbox.add(em, user.saved());
    await em.flush();
  }

  /** The user with its row locked until the transaction ends. */
  async lock(em: EntityManager, scope: TenantScope, id: string): Promise<User> {
    const user = await em.findOne(
      User,
      { $and: [visible(scope), { id }] },
      { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true },
    );
    if (!user) throw new NotFound('user', id);
    return user;
  }

  private async move(em: EntityManager, actor: Actor, user: User, target: Group): Promise<void> {
    if (target.systemProviderId !== user.systemProviderId)
      throw new InvalidInput([
        { field: 'groupId', rule: 'same-provider', message: 'A user moves within its system provider only.' },
      ]);
    await this.seats.move(em, user, target, actor);
  }

  private flush(em: EntityManager, broadworksUserId: string): Promise<void> {
    return uniquely(em.flush(), { app_user_key_active: () => new UserExists(broadworksUserId) });
  }
}

/** For those who saw the user until now and don't any more: what the two places share is recorded at the new one. */
function placeLeft(before: HistoryObject, { groupId, resellerId }: User): HistoryObject {
  const { kind, id, name } = before;
  return {
    kind,
    id,
    name,
    resellerId: before.resellerId === resellerId ? null : before.resellerId,
    groupId: before.groupId === groupId ? null : before.groupId,
  };
}
