import { Injectable } from '@nestjs/common';
import { LockMode } from '@mikro-orm/postgresql';
import type { CreateGroup, GroupView, ListUnder, RenameNode } from '@strowger/contracts-hierarchy';
import { Clock, NotFound, type Page, type RpcContext, type TenantScope, checkVersion } from '@strowger/kernel';
import { Db } from '@strowger/persistence';
import { isEmpty } from '../history/changes.js';
import { HistoryService } from '../history/history.service.js';
import { matching, pageByName, type Where } from '../listing.js';
import { ResellersService } from '../resellers/resellers.service.js';
import { SystemProvidersService } from '../system-providers/system-providers.service.js';
import { uniquely } from '../uniqueness.js';
import { seenBy } from '../visibility.js';
import { Group } from './group.entity.js';
import { GroupExists } from './group.errors.js';

const visible = (scope: TenantScope) => ({
  ...seenBy(scope, { 'system-provider': 'systemProviderId', reseller: 'resellerId', group: 'id' }),
  endedAt: null,
});

@Injectable()
export class GroupsService {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly history: HistoryService,
    private readonly providers: SystemProvidersService,
    private readonly resellers: ResellersService,
  ) {}

  async create({ scope, actor }: RpcContext, given: CreateGroup): Promise<GroupView> {
    return this.db.transactional(async (em) => {
      const reseller = await this.resellers.find(scope, given.resellerId, em);
      if (!reseller) throw new NotFound('reseller', given.resellerId);
      const group = Group.create(given, reseller, this.clock.now());
      em.persist(group);
      this.history.record(em, actor, 'created', group.historyObject(), { key: given.key });
      await uniquely(em.flush(), { reseller_group_key_active: () => new GroupExists(given.key) });
      return group.view();
    });
  }

  async rename({ scope, actor }: RpcContext, given: RenameNode): Promise<GroupView> {
    return this.db.transactional(async (em) => {
      const group = await em.findOne(
        Group,
        { $and: [visible(scope), { id: given.id }] },
        { lockMode: LockMode.PESSIMISTIC_WRITE },
      );
      if (!group) throw new NotFound('group', given.id);
      checkVersion('group', group, given.version);
      const changes = group.rename(given.name);
      if (!isEmpty(changes)) this.history.record(em, actor, 'updated', group.historyObject(), changes);
      return group.view();
    });
  }

  async get({ scope }: RpcContext, id: string): Promise<GroupView> {
    const group = await this.find(scope, id);
    if (!group) throw new NotFound('group', id);
    return group.view();
  }

  /** Under a reseller or a whole system provider. */
  async list({ scope }: RpcContext, query: ListUnder): Promise<Page<GroupView>> {
    const where: Where[] = [visible(scope), ...matching(query.search, 'name', 'key')];
    if (query.parentId) {
      if (await this.resellers.find(scope, query.parentId)) where.push({ resellerId: query.parentId });
      else if (await this.providers.find(scope, query.parentId)) where.push({ systemProviderId: query.parentId });
      else throw new NotFound('reseller', query.parentId);
    }
    return pageByName(this.db.em(), Group, where, query, (rows) => rows.map((row) => row.view()));
  }

  find(scope: TenantScope, id: string, em = this.db.em()): Promise<Group | null> {
    return em.findOne(Group, { $and: [visible(scope), { id }] });
  }
}
