import { Injectable } from '@nestjs/common';
import { LockMode, type EntityManager } from '@mikro-orm/postgresql';
import type { CreateUser, ListUnder, UpdateUser, UserView } from '@strowger/contracts-hierarchy';
import { Clock, NotFound, type Page, type RpcContext, type TenantScope, checkVersion } from '@strowger/kernel';
import { Db, Outbox } from '@strowger/persistence';
import { GroupsService } from '../groups/groups.service.js';
import { isEmpty } from '../history/changes.js';
import { HistoryService } from '../history/history.service.js';
import { SeatsService } from '../licensing/seats.service.js';
import { matching, pageByName, type Where } from '../listing.js';
import { columnOf, NodesService } from '../nodes/nodes.service.js';
import { uniquely } from '../uniqueness.js';
import { seenBy } from '../visibility.js';
import { User } from './user.entity.js';
import { UserExists } from './user.errors.js';

const visible = (scope: TenantScope) => ({
  ...seenBy(scope, { 'system-provider': 'systemProviderId', reseller: 'resellerId', group: 'groupId', user: 'id' }),
  endedAt: null,
});

@Injectable()
export class UsersService {
  constructor(
    private readonly db: Db,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly history: HistoryService,
    private readonly groups: GroupsService,
    private readonly nodes: NodesService,
    private readonly seats: SeatsService,
  ) {}

  async create({ scope, actor }: RpcContext, given: CreateUser): Promise<UserView> {
    return this.db.transactional(async (em) => {
      const group = await this.groups.find(scope, given.groupId, em);
      if (!group) throw new NotFound('group', given.groupId);
      const user = User.create(given, group, this.clock.now());
      em.persist(user);
      this.history.record(em, actor, 'created', user.historyObject(), { broadworksUserId: given.broadworksUserId });
      this.outbox.add(em, user.saved());
      await uniquely(em.flush(), { app_user_key_active: () => new UserExists(given.broadworksUserId) });
      return user.view();
    });
  }

  async update({ scope, actor }: RpcContext, given: UpdateUser): Promise<UserView> {
    return this.db.transactional(async (em) => {
      const user = await this.lock(em, scope, given.id);
      checkVersion('user', user, given.version);
      const changes = user.update(given);
      if (!isEmpty(changes)) {
        this.history.record(em, actor, 'updated', user.historyObject(), changes);
        this.outbox.add(em, user.saved());
      }
      return user.view();
    });
  }

  /** Ends the user and frees its licences in one transaction; other services hear of it and let go of what they hold. */
  async delete({ scope, actor }: RpcContext, id: string): Promise<void> {
    await this.db.transactional(async (em) => {
      const user = await this.lock(em, scope, id);
      const freed = await this.seats.giveBackAll(em, user);
      this.outbox.add(em, user.end(this.clock.now()));
      const licenses = freed.map((license) => `${license.application} ${license.licenseType}`);
      this.history.record(em, actor, 'deleted', user.historyObject(), licenses.length > 0 ? { freed: licenses } : {});
    });
  }

  async get({ scope }: RpcContext, id: string): Promise<UserView> {
    const user = await this.db.em().findOne(User, { $and: [visible(scope), { id }] });
    if (!user) throw new NotFound('user', id);
    return user.view();
  }

  /** Under a group, a reseller or a whole system provider. */
  async list({ scope }: RpcContext, query: ListUnder): Promise<Page<UserView>> {
    const where: Where[] = [visible(scope), ...matching(query.search, 'name', 'broadworksUserId')];
    if (query.parentId) {
      const node = await this.nodes.get(scope, query.parentId);
      where.push({ [columnOf(node)]: node.id });
    }
    return pageByName(this.db.em(), User, where, query, (rows) => rows.map((row) => row.view()));
  }

  /** Notes that the actor was let in as this user. */
  async recordClientToken({ scope, actor }: RpcContext, id: string): Promise<UserView> {
    return this.db.transactional(async (em) => {
      const user = await em.findOne(User, { $and: [visible(scope), { id }] });
      if (!user) throw new NotFound('user', id);
      this.history.record(em, actor, 'client-token-minted', user.historyObject());
      return user.view();
    });
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
}
