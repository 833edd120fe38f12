import { Injectable } from '@nestjs/common';
import { LockMode, type EntityManager } from '@mikro-orm/postgresql';
import {
  hierarchyRpc,
  type ById,
  type CreateGroup,
  type GroupView,
  type ListUnder,
  type UpdateGroup,
} from '@strowger/contracts-hierarchy';
import { checkVersion, Clock, NotFound, type Page, type RpcRequest, type TenantScope } from '@strowger/kernel';
import { Db } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { isEmpty } from '../../history/changes.js';
import { HistoryService } from '../../history/history.service.js';
import { matching, pageAcrossProviders, pageByName, providersOf } from '../../listing.js';
import { NodesService } from '../../nodes/nodes.service.js';
import { ResellersService } from '../resellers/resellers.service.js';
import { SystemProvidersService } from '../system-providers/system-providers.service.js';
import { uniquely } from '../../uniqueness.js';
import { seenBy } from '../../visibility.js';
import { Group } from './group.entity.js';
import { GroupExists } from './group.errors.js';

const visible = (scope: TenantScope) => ({
  ...seenBy(scope, { 'system-provider': 'systemProviderId', reseller: 'resellerId', group: 'id' }),
  endedAt: null,
});

/** Groups of a reseller: made, changed and found. */
@Injectable()
export class GroupsService {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly history: HistoryService,
    private readonly nodes: NodesService,
    private readonly providers: SystemProvidersService,
    private readonly resellers: ResellersService,
  ) {}

  @Answers(hierarchyRpc.createGroup)
  async create({ scope, actor, body: given }: RpcRequest<CreateGroup>): Promise<GroupView> {
    return this.db.transactional(async (em) => {
      const reseller = await this.resellers.hold(em, scope, given.resellerId);
      const group = Group.create(given, reseller, this.clock.now());
      em.persist(group);
      this.history.record(em, actor, 'created', group.historyObject(), { key: given.key });
      await this.flush(em, given.key);
      return group.view();
    });
  }

  /** Name and group id; the users stay in it. */
  @Answers(hierarchyRpc.updateGroup)
  async update({ scope, actor, body: given }: RpcRequest<UpdateGroup>): Promise<GroupView> {
    return this.db.transactional(async (em) => {
      const group = await this.lock(em, scope, given.id);
      checkVersion('group', group, given.version);
      const changes = group.update(given);
      if (!isEmpty(changes)) this.history.record(em, actor, 'updated', group.historyObject(), changes);
      await this.flush(em, group.key);
      return group.view();
    });
  }

  @Answers(hierarchyRpc.getGroup)
  async get({ scope, body: { id } }: RpcRequest<ById>): Promise<GroupView> {
    const group = await this.find(scope, id);
    if (!group) throw new NotFound('group', id);
    return group.view();
  }

  /** Under a reseller or a whole system provider. */
  @Answers(hierarchyRpc.listGroups)
  async list({ scope, body: query }: RpcRequest<ListUnder>): Promise<Page<GroupView>> {
    const em = this.db.em();
    const view = (rows: Group[]): GroupView[] => rows.map((row) => row.view());
    const matches = matching(query.search, 'name', 'key');
    const { parentId } = query;
    if (parentId) {
      // What is under a node in scope is in scope.
      const under = (await this.resellers.find(scope, parentId, em))
        ? { resellerId: parentId }
        : (await this.providers.find(scope, parentId, em)) && { systemProviderId: parentId };
      if (!under) throw new NotFound('reseller', parentId);
      return pageByName(em, Group, [{ ...under, endedAt: null }, ...matches], query, view);
    }
    const providers = await providersOf(em, scope);
    if (providers && providers.length > 1)
      return pageAcrossProviders(this.db, Group, ['name', 'key'], providers, query, view);
    const seen = providers ? { systemProviderId: scope.id, endedAt: null } : visible(scope);
    return pageByName(em, Group, [seen, ...matches], query, view);
  }

  find(scope: TenantScope, id: string, em = this.db.em()): Promise<Group | null> {
    return em.findOne(Group, { $and: [visible(scope), { id }] });
  }

  /** The group with its row locked until the transaction ends. */
  async lock(em: EntityManager, scope: TenantScope, id: string): Promise<Group> {
    const group = await em.findOne(
      Group,
      { $and: [visible(scope), { id }] },
      { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true },
    );
    if (!group) throw new NotFound('group', id);
    return group;
  }

  /** Keeps the group from being deleted until the transaction ends; others may do the same meanwhile. */
  async hold(em: EntityManager, scope: TenantScope, id: string): Promise<Group> {
    const group = await this.find(scope, id, em);
    if (!group || !(await this.nodes.keepActive('group', group.id))) throw new NotFound('group', id);
    return group;
  }

  private flush(em: EntityManager, key: string): Promise<void> {
    return uniquely(em.flush(), { reseller_group_key_active: () => new GroupExists(key) });
  }
}
