import { Injectable } from '@nestjs/common';
import {
  hierarchyRpc,
  type AddGroupSubPurchase,
  type AddResellerSubPurchase,
  type ById,
  type Oversell,
  type OversellView,
  type ProductName,
  type RemoveGroupSubPurchase,
  type RemoveResellerSubPurchase,
  type SetGroupSubPurchase,
  type SetOversell,
  type SetResellerSubPurchase,
  type SubPurchaseView,
} from '@strowger/contracts-hierarchy';
import { Clock, NotFound, type RpcContext, type RpcRequest, type TenantScope } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { HistoryService, type HistoryObject } from '../history/history.service.js';
import { historyObjectOf, NodesService } from '../nodes/nodes.service.js';
import { productOf, rankOf } from './catalog.js';
import {
  GrantedFromAbove,
  InsufficientLicenses,
  QuantityBelowCommitted,
  type LicenseRefusal,
} from './licensing.errors.js';
import { PoolsService } from './pools.service.js';

export type ShareLevel = 'reseller' | 'group';
/** `add` accumulates, `set` is absolute and 0 means explicitly none, `remove` lifts the restriction. */
export type ShareChange = { how: 'add' | 'set'; quantity: number } | { how: 'remove' };

interface Holder {
  level: ShareLevel;
  id: string;
  resellerId: string;
  systemProviderId: string;
  about: HistoryObject;
}
interface Changed extends Omit<LicenseRefusal, 'level'> {
  level: LicenseRefusal['level'] | null;
  before: number | null;
  after: number | null;
  drawn: number;
}

/**
 * What resellers and groups have of their provider's pools. A sub-purchase is given from above: a reseller's by the
 * system provider, a group's by the reseller or above; so neither raises its own.
 */
@Injectable()
export class SubPurchasesService {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly history: HistoryService,
    private readonly nodes: NodesService,
    private readonly pools: PoolsService,
  ) {}

  @Answers(hierarchyRpc.addResellerSubPurchase)
  addToReseller({ body, ...context }: RpcRequest<AddResellerSubPurchase>): Promise<SubPurchaseView> {
    return this.change(context, 'reseller', body.resellerId, body, { how: 'add', quantity: body.quantity });
  }

  @Answers(hierarchyRpc.setResellerSubPurchase)
  setOfReseller({ body, ...context }: RpcRequest<SetResellerSubPurchase>): Promise<SubPurchaseView> {
    return this.change(context, 'reseller', body.resellerId, body, { how: 'set', quantity: body.quantity });
  }

  @Answers(hierarchyRpc.removeResellerSubPurchase)
  async removeFromReseller({ body, ...context }: RpcRequest<RemoveResellerSubPurchase>): Promise<null> {
    await this.change(context, 'reseller', body.resellerId, body, { how: 'remove' });
    return null;
  }

  @Answers(hierarchyRpc.addGroupSubPurchase)
  addToGroup({ body, ...context }: RpcRequest<AddGroupSubPurchase>): Promise<SubPurchaseView> {
    return this.change(context, 'group', body.groupId, body, { how: 'add', quantity: body.quantity });
  }

  @Answers(hierarchyRpc.setGroupSubPurchase)
  setOfGroup({ body, ...context }: RpcRequest<SetGroupSubPurchase>): Promise<SubPurchaseView> {
    return this.change(context, 'group', body.groupId, body, { how: 'set', quantity: body.quantity });
  }

  @Answers(hierarchyRpc.removeGroupSubPurchase)
  async removeFromGroup({ body, ...context }: RpcRequest<RemoveGroupSubPurchase>): Promise<null> {
    await this.change(context, 'group', body.groupId, body, { how: 'remove' });
    return null;
  }

  @Answers(hierarchyRpc.listResellerSubPurchases)
  ofReseller({ scope, body: { id } }: RpcRequest<ById>): Promise<SubPurchaseView[]> {
    return this.list(scope, 'reseller', id);
  }

  @Answers(hierarchyRpc.listGroupSubPurchases)
  ofGroup({ scope, body: { id } }: RpcRequest<ById>): Promise<SubPurchaseView[]> {
    return this.list(scope, 'group', id);
  }

  @Answers(hierarchyRpc.getOversell)
  async oversell({ scope, body: { id: resellerId } }: RpcRequest<ById>): Promise<OversellView> {
    const { id } = await this.holder(scope, 'reseller', resellerId);
    const [row] = await this.db.query<{ oversell: Oversell }>(sql`select oversell from reseller where id = ${id}`);
    return { resellerId: id, oversell: row!.oversell };
  }

  /** A policy, so it may leave the reseller with more drawn than sub-purchased: then nothing can be added below it. */
  @Answers(hierarchyRpc.setOversell)
  async setOversell({ scope, actor, body }: RpcRequest<SetOversell>): Promise<OversellView> {
    const { resellerId, oversell } = body;
    return this.db.transactional(async (em) => {
      const holder = await this.holder(scope, 'reseller', resellerId);
      mayGrant(scope, 'reseller');
      await em.flush();
      const [row] = await this.db.query<{ before: Oversell }>(sql`
        update reseller r set oversell = ${oversell} from (select id, oversell from reseller where id = ${holder.id} for update) o
        where r.id = o.id and r.ended_at is null returning o.oversell as before`);
      if (!row) throw new NotFound('reseller', resellerId);
      if (row.before !== oversell)
        this.history.record(em, actor, 'updated', holder.about, { oversell: { from: row.before, to: oversell } });
      return { resellerId: holder.id, oversell };
    });
  }

  /**
   * A missing sub-purchase answers NotFound to `remove`.
   * @throws InsufficientLicenses, QuantityBelowCommitted; then nothing is written
   */
  private async change(
    { scope, actor }: RpcContext,
    level: ShareLevel,
    nodeId: string,
    { application, licenseType }: ProductName,
    change: ShareChange,
  ): Promise<SubPurchaseView> {
    return this.pools.transactional(async (em) => {
      const holder = await this.holder(scope, level, nodeId);
      const product = productOf(application, licenseType);
      mayGrant(scope, level);
      if (!(await this.keep(holder))) throw new NotFound(level, nodeId);
      await em.flush();
      const quantity = change.how === 'remove' ? null : change.quantity;
      const [row] = await this.db.query<Changed>(sql`
        select level, requested, available, quantity_before as before, quantity_after as after, drawn
        from set_license_share(${holder.systemProviderId}, ${application}, ${licenseType}, ${level},
          ${holder.resellerId}, ${holder.id}, ${change.how}, ${quantity}, ${this.clock.now()},
          ${JSON.stringify(actor)})`);
      const { level: refusedAt, before, after, drawn } = row!;
      if (refusedAt === level && change.how === 'set')
        throw new QuantityBelowCommitted(product, level, change.quantity, drawn);
      if (refusedAt) throw new InsufficientLicenses(product, { ...row!, level: refusedAt });
      if (change.how === 'remove' && before === null) throw new NotFound('sub-purchase', nodeId);
      if (before !== after)
        this.history.record(em, actor, after === null ? 'sub-purchase-removed' : 'sub-purchase-set', holder.about, {
          [`${application} ${licenseType}`]: { from: before, to: after },
        });
      return view(holder, { application, licenseType, quantity: after ?? 0, drawn });
    });
  }

  /** In the order of the catalog. */
  private async list(scope: TenantScope, level: ShareLevel, nodeId: string): Promise<SubPurchaseView[]> {
    const holder = await this.holder(scope, level, nodeId);
    const rows = await this.db.query<ProductName & { quantity: number; drawn: number }>(sql`
      select p.application, p.license_type as "licenseType", s.quantity, s.drawn
      from license_share s join license_pool p on p.id = s.pool_id
      where s.node_id = ${holder.id} and s.quantity is not null`);
    return rows
      .map((row) => view(holder, row))
      .sort((a, b) => rankOf(a.application, a.licenseType) - rankOf(b.application, b.licenseType));
  }

  private async holder(scope: TenantScope, level: ShareLevel, id: string): Promise<Holder> {
    const node = await this.nodes.get(scope, id, level);
    return { ...node, level, resellerId: node.resellerId!, about: historyObjectOf(node) };
  }

  /** Neither it nor its reseller ends while this is under way. */
  private async keep({ level, id, resellerId }: Holder): Promise<boolean> {
    if (!(await this.nodes.keepActive('reseller', resellerId))) return false;
    return level === 'reseller' || this.nodes.keepActive('group', id);
  }
}

function mayGrant({ level }: TenantScope, to: ShareLevel): void {
  if (level === 'platform' || level === 'system-provider') return;
  if (to === 'reseller') throw new GrantedFromAbove('what a reseller has of its licenses', 'system provider');
  if (level !== 'reseller') throw new GrantedFromAbove('what a group has of its licenses', 'reseller');
}

const view = (
  { level, id }: Holder,
  { application, licenseType, quantity, drawn }: ProductName & { quantity: number; drawn: number },
): SubPurchaseView => {
  const free = Math.max(quantity - drawn, 0);
  return { level, nodeId: id, application, licenseType, quantity, drawn, free };
};
