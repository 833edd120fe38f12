import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import {
  hierarchyRpc,
  type AddPurchase,
  type ById,
  type ListPurchases,
  type ProductView,
  type PurchaseView,
  type SetPurchase,
  type UpdatePurchase,
} from '@strowger/contracts-hierarchy';
import {
  checkVersion,
  Clock,
  isId,
  NotFound,
  pageOf,
  readCursor,
  type Actor,
  type Page,
  type RpcRequest,
  type TenantScope,
} from '@strowger/kernel';
import { Db } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { isEmpty, type Changes } from '../history/changes.js';
import { HistoryService } from '../history/history.service.js';
import { DEFAULT_LIMIT, matching, type Where } from '../listing.js';
import { historyObjectOf, NodesService, type TreeNode } from '../nodes/nodes.service.js';
import { seenBy } from '../visibility.js';
import { PRODUCTS, productOf } from './catalog.js';
import { LicensePurchase } from './license-purchase.entity.js';
import { SellerOnly, StandingPurchase } from './licensing.errors.js';
import { PoolsService } from './pools.service.js';
import { TermsService } from './terms/terms.service.js';

/**
 * What system providers have bought. The seller sets it: the operator, and for a child provider anyone who administers a
 * provider above it. A provider only reads its own.
 */
@Injectable()
export class PurchasesService {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly history: HistoryService,
    private readonly nodes: NodesService,
    private readonly pools: PoolsService,
    private readonly terms: TermsService,
  ) {}

  /** What can be bought: the catalog. */
  @Answers(hierarchyRpc.listProducts)
  listProducts(): Promise<ProductView[]> {
    return Promise.resolve([...PRODUCTS]);
  }

  /** Sets the quantity of the product's standing purchase, which is made when missing. Safe to repeat. */
  @Answers(hierarchyRpc.setPurchase)
  async set({ scope, actor, body: given }: RpcRequest<SetPurchase>): Promise<PurchaseView> {
    return this.pools.transactional(async (em) => {
      const provider = await this.buyer(scope, given.systemProviderId);
      const product = productOf(given.application, given.licenseType);
      const pool = await this.pools.lock(provider.id, product);
      const at = this.clock.now();
      const standing = await em.findOne(LicensePurchase, { poolId: pool.id, standing: true, endedAt: null });
      if (!standing) {
        const { quantity } = given;
        const added = LicensePurchase.create(pool, product, { quantity, standing: true }, at);
        em.persist(added);
        await this.changed(em, actor, provider, added, 'purchase-added', { quantity: { from: null, to: quantity } });
        return added.view();
      }
      const changes = standing.change({ quantity: given.quantity }, at);
      await this.changed(em, actor, provider, standing, 'purchase-changed', changes);
      return standing.view();
    });
  }

  /** Each call is one more purchase. */
  @Answers(hierarchyRpc.addPurchase)
  async add({ scope, actor, body: given }: RpcRequest<AddPurchase>): Promise<PurchaseView> {
    return this.pools.transactional(async (em) => {
      const provider = await this.buyer(scope, given.systemProviderId);
      const product = productOf(given.application, given.licenseType);
      const pool = await this.pools.lock(provider.id, product);
      const { quantity, startsAt, endsAt, reference } = given;
      const terms = { quantity, reference, startsAt: dateOf(startsAt), endsAt: dateOf(endsAt) };
      const purchase = LicensePurchase.create(pool, product, terms, this.clock.now());
      em.persist(purchase);
      await this.changed(em, actor, provider, purchase, 'purchase-added', {
        quantity: { from: null, to: quantity },
        ...(endsAt ? { endsAt: { from: null, to: purchase.endsAt?.toISOString() } } : {}),
      });
      return purchase.view();
    });
  }

  @Answers(hierarchyRpc.updatePurchase)
  async update({ scope, actor, body: given }: RpcRequest<UpdatePurchase>): Promise<PurchaseView> {
    return this.pools.transactional(async (em) => {
      const { purchase, provider } = await this.hold(em, scope, given.id);
      checkVersion('purchase', purchase, given.version);
      if (purchase.standing && given.endsAt) throw new StandingPurchase();
      const changes = purchase.change({ ...given, endsAt: dateOf(given.endsAt) }, this.clock.now());
      await this.changed(em, actor, provider, purchase, 'purchase-changed', changes);
      return purchase.view();
    });
  }

  @Answers(hierarchyRpc.removePurchase)
  async remove({ scope, actor, body: { id } }: RpcRequest<ById>): Promise<null> {
    await this.pools.transactional(async (em) => {
      const { purchase, provider } = await this.hold(em, scope, id);
      purchase.end(this.clock.now());
      const { quantity } = purchase;
      await this.changed(em, actor, provider, purchase, 'purchase-removed', {
        quantity: { from: quantity ?? 'unlimited', to: null },
      });
    });
    return null;
  }

  @Answers(hierarchyRpc.getPurchase)
  async get({ scope, body: { id } }: RpcRequest<ById>): Promise<PurchaseView> {
    return (await this.find(this.db.em(), scope, id)).view();
  }

  /** The newest first. */
  @Answers(hierarchyRpc.listPurchases)
  async list({ scope, body: query }: RpcRequest<ListPurchases>): Promise<Page<PurchaseView>> {
    const provider = await this.nodes.get(scope, query.id, 'system-provider');
    const limit = query.limit ?? DEFAULT_LIMIT;
    const where: Where[] = [
      { systemProviderId: provider.id },
      query.state ? { state: query.state } : { endedAt: null },
      ...matching(query.search, 'application', 'licenseType', 'reference'),
    ];
    if (query.cursor) where.push({ id: { $lt: readCursor(query.cursor, isId)[0] } });
    const rows = await this.db
      .em()
      .find(LicensePurchase, { $and: where } as never, { orderBy: { id: 'desc' }, limit: limit + 1 });
    return pageOf(
      rows,
      limit,
      (row) => [row.id],
      (row) => row.view(),
    );
  }

  private async changed(
    em: EntityManager,
    actor: Actor,
    provider: TreeNode,
    purchase: LicensePurchase,
    action: string,
    changes: Changes,
  ): Promise<void> {
    if (isEmpty(changes)) return;
    await this.pools.purchaseChanged(em, actor, purchase, action.replace('purchase-', ''));
    const { id, application, licenseType } = purchase;
    this.history.record(em, actor, action, historyObjectOf(provider), {
      ...{ purchaseId: id, application, licenseType },
      ...changes,
    });
    await this.terms.advance(purchase.poolId);
  }

  private async buyer(scope: TenantScope, id: string): Promise<TreeNode> {
    const provider = await this.nodes.get(scope, id, 'system-provider');
    // Anyone who sees it from below or beside was refused above; the provider itself is not its seller.
    const sells = scope.level === 'platform' || (scope.level === 'system-provider' && scope.id !== provider.id);
    if (!sells) throw new SellerOnly();
    return provider;
  }

  private async find(em: EntityManager, scope: TenantScope, id: string): Promise<LicensePurchase> {
    const visible = seenBy(scope, { 'system-provider': 'systemProviderId' });
    const purchase = await em.findOne(LicensePurchase, { $and: [visible, { id }] } as never);
    if (!purchase) throw new NotFound('purchase', id);
    return purchase;
  }

  /** The purchase as it is under its pool's lock, which every change of it takes. */
  private async hold(
    em: EntityManager,
    scope: TenantScope,
    id: string,
  ): Promise<{ purchase: LicensePurchase; provider: TreeNode }> {
    const purchase = await this.find(em, scope, id);
    const provider = await this.buyer(scope, purchase.systemProviderId);
    await this.pools.lock(purchase.systemProviderId, purchase);
    await em.refresh(purchase);
    if (purchase.endedAt) throw new NotFound('purchase', id);
    return { purchase, provider };
  }
}

/** Null stays null: a term without an end. */
function dateOf(text: string): Date;
function dateOf(text: string | null | undefined): Date | null | undefined;
function dateOf(text: string | null | undefined): Date | null | undefined {
  return typeof text === 'string' ? new Date(text) : text;
}
