import { Injectable } from '@nestjs/common';
import { LockMode, type EntityManager } from '@mikro-orm/postgresql';
import {
  hierarchyRpc,
  type ById,
  type CreateReseller,
  type ListUnder,
  type ResellerView,
  type UpdateReseller,
} from '@strowger/contracts-hierarchy';
import { checkVersion, Clock, NotFound, type Page, type RpcRequest, type TenantScope } from '@strowger/kernel';
import { Db } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { isEmpty } from '../../history/changes.js';
import { HistoryService } from '../../history/history.service.js';
import { matching, pageAcrossProviders, pageByName, providersOf } from '../../listing.js';
import { SystemProvidersService } from '../system-providers/system-providers.service.js';
import { uniquely } from '../../uniqueness.js';
import { NodesService } from '../../nodes/nodes.service.js';
import { seenBy } from '../../visibility.js';
import { Reseller } from './reseller.entity.js';
import { ResellerExists } from './reseller.errors.js';

const visible = (scope: TenantScope) => ({
  ...seenBy(scope, { 'system-provider': 'systemProviderId', reseller: 'id' }),
  endedAt: null,
});

/** Resellers of a system provider: made, changed and found. */
@Injectable()
export class ResellersService {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly history: HistoryService,
    private readonly nodes: NodesService,
    private readonly providers: SystemProvidersService,
  ) {}

  @Answers(hierarchyRpc.createReseller)
  async create({ scope, actor, body: given }: RpcRequest<CreateReseller>): Promise<ResellerView> {
    return this.db.transactional(async (em) => {
      const provider = await this.providers.hold(em, scope, given.systemProviderId);
      const reseller = Reseller.create(given, provider.id, this.clock.now());
      em.persist(reseller);
      this.history.record(em, actor, 'created', reseller.historyObject(), { key: given.key, kind: given.kind });
      await this.flush(em, given.key);
      return reseller.view();
    });
  }

  /** Name and reseller id; what is under the reseller stays there. */
  @Answers(hierarchyRpc.updateReseller)
  async update({ scope, actor, body: given }: RpcRequest<UpdateReseller>): Promise<ResellerView> {
    return this.db.transactional(async (em) => {
      const reseller = await this.lock(em, scope, given.id);
      checkVersion('reseller', reseller, given.version);
      const changes = reseller.update(given);
      if (!isEmpty(changes)) this.history.record(em, actor, 'updated', reseller.historyObject(), changes);
      await this.flush(em, reseller.key);
      return reseller.view();
    });
  }

  @Answers(hierarchyRpc.getReseller)
  async get({ scope, body: { id } }: RpcRequest<ById>): Promise<ResellerView> {
    const reseller = await this.find(scope, id);
    if (!reseller) throw new NotFound('reseller', id);
    return reseller.view();
  }

  @Answers(hierarchyRpc.listResellers)
  async list({ scope, body: query }: RpcRequest<ListUnder>): Promise<Page<ResellerView>> {
    const em = this.db.em();
    const view = (rows: Reseller[]): ResellerView[] => rows.map((row) => row.view());
    const matches = matching(query.search, 'name', 'key');
    if (query.parentId) {
      const provider = await this.providers.find(scope, query.parentId, em);
      if (!provider) throw new NotFound('system-provider', query.parentId);
      return pageByName(em, Reseller, [{ systemProviderId: provider.id, endedAt: null }, ...matches], query, view);
    }
    const providers = await providersOf(em, scope);
    if (providers && providers.length > 1)
      return pageAcrossProviders(this.db, Reseller, ['name', 'key'], providers, query, view);
    const seen = providers ? { systemProviderId: scope.id, endedAt: null } : visible(scope);
    return pageByName(em, Reseller, [seen, ...matches], query, view);
  }

  find(scope: TenantScope, id: string, em = this.db.em()): Promise<Reseller | null> {
    return em.findOne(Reseller, { $and: [visible(scope), { id }] });
  }

  /** The reseller with its row locked until the transaction ends. */
  async lock(em: EntityManager, scope: TenantScope, id: string): Promise<Reseller> {
    const reseller = await em.findOne(
      Reseller,
      { $and: [visible(scope), { id }] },
      { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true },
    );
    if (!reseller) throw new NotFound('reseller', id);
    return reseller;
  }

  /** Keeps the reseller from being deleted until the transaction ends; others may do the same meanwhile. */
  async hold(em: EntityManager, scope: TenantScope, id: string): Promise<Reseller> {
    const reseller = await this.find(scope, id, em);
    if (!reseller || !(await this.nodes.keepActive('reseller', reseller.id))) throw new NotFound('reseller', id);
    return reseller;
  }

  private flush(em: EntityManager, key: string): Promise<void> {
    return uniquely(em.flush(), { reseller_key_active: () => new ResellerExists(key) });
  }
}
