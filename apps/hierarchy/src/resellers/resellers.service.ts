import { Injectable } from '@nestjs/common';
import { LockMode } from '@mikro-orm/postgresql';
import type { CreateReseller, ListUnder, RenameNode, ResellerView } from '@strowger/contracts-hierarchy';
import { Clock, NotFound, type Page, type RpcContext, type TenantScope, checkVersion } from '@strowger/kernel';
import { Db } from '@strowger/persistence';
import { isEmpty } from '../history/changes.js';
import { HistoryService } from '../history/history.service.js';
import { matching, pageByName, type Where } from '../listing.js';
import { SystemProvidersService } from '../system-providers/system-providers.service.js';
import { uniquely } from '../uniqueness.js';
import { seenBy } from '../visibility.js';
import { Reseller } from './reseller.entity.js';
import { ResellerExists } from './reseller.errors.js';

const visible = (scope: TenantScope) => ({
  ...seenBy(scope, { 'system-provider': 'systemProviderId', reseller: 'id' }),
  endedAt: null,
});

@Injectable()
export class ResellersService {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly history: HistoryService,
    private readonly providers: SystemProvidersService,
  ) {}

  async create({ scope, actor }: RpcContext, given: CreateReseller): Promise<ResellerView> {
    return this.db.transactional(async (em) => {
      const provider = await this.providers.find(scope, given.systemProviderId, em);
      if (!provider) throw new NotFound('system-provider', given.systemProviderId);
      const reseller = Reseller.create(given, provider.id, this.clock.now());
      em.persist(reseller);
      this.history.record(em, actor, 'created', reseller.historyObject(), { key: given.key, kind: given.kind });
      await uniquely(em.flush(), { reseller_key_active: () => new ResellerExists(given.key) });
      return reseller.view();
    });
  }

  async rename({ scope, actor }: RpcContext, given: RenameNode): Promise<ResellerView> {
    return this.db.transactional(async (em) => {
      const reseller = await em.findOne(
        Reseller,
        { $and: [visible(scope), { id: given.id }] },
        { lockMode: LockMode.PESSIMISTIC_WRITE },
      );
      if (!reseller) throw new NotFound('reseller', given.id);
      checkVersion('reseller', reseller, given.version);
      const changes = reseller.rename(given.name);
      if (!isEmpty(changes)) this.history.record(em, actor, 'updated', reseller.historyObject(), changes);
      return reseller.view();
    });
  }

  async get({ scope }: RpcContext, id: string): Promise<ResellerView> {
    const reseller = await this.find(scope, id);
    if (!reseller) throw new NotFound('reseller', id);
    return reseller.view();
  }

  async list({ scope }: RpcContext, query: ListUnder): Promise<Page<ResellerView>> {
    const where: Where[] = [visible(scope), ...matching(query.search, 'name', 'key')];
    if (query.parentId) {
      const provider = await this.providers.find(scope, query.parentId);
      if (!provider) throw new NotFound('system-provider', query.parentId);
      where.push({ systemProviderId: provider.id });
    }
    return pageByName(this.db.em(), Reseller, where, query, (rows) => rows.map((row) => row.view()));
  }

  find(scope: TenantScope, id: string, em = this.db.em()): Promise<Reseller | null> {
    return em.findOne(Reseller, { $and: [visible(scope), { id }] });
  }
}
