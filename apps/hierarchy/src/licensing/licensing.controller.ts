import { Controller } from '@nestjs/common';
import {
  hierarchyRpc,
  type AddGroupSubPurchase,
  type AddPurchase,
  type AddResellerSubPurchase,
  type ById,
  type ListPurchases,
  type NodeLicensesView,
  type OversellView,
  type ProductView,
  type ProviderLicensesView,
  type PurchaseView,
  type RemoveGroupSubPurchase,
  type RemoveResellerSubPurchase,
  type SetGroupSubPurchase,
  type SetOversell,
  type SetPurchase,
  type SetResellerSubPurchase,
  type SubPurchaseView,
  type UpdatePurchase,
} from '@strowger/contracts-hierarchy';
import { Answers } from '@strowger/http';
import type { Page, RpcRequest } from '@strowger/kernel';
import { BalancesService } from './balances.service.js';
import { PRODUCTS } from './catalogue.js';
import { PurchasesService } from './purchases.service.js';
import { SubPurchasesService } from './sub-purchases.service.js';

@Controller()
export class LicensingController {
  constructor(
    private readonly purchases: PurchasesService,
    private readonly subPurchases: SubPurchasesService,
    private readonly balances: BalancesService,
  ) {}

  @Answers(hierarchyRpc.listProducts)
  listProducts(): Promise<ProductView[]> {
    return Promise.resolve([...PRODUCTS]);
  }

  @Answers(hierarchyRpc.setPurchase)
  set(request: RpcRequest<SetPurchase>): Promise<PurchaseView> {
    return this.purchases.set(request, request.body);
  }

  @Answers(hierarchyRpc.addPurchase)
  add(request: RpcRequest<AddPurchase>): Promise<PurchaseView> {
    return this.purchases.add(request, request.body);
  }

  @Answers(hierarchyRpc.updatePurchase)
  update(request: RpcRequest<UpdatePurchase>): Promise<PurchaseView> {
    return this.purchases.update(request, request.body);
  }

  @Answers(hierarchyRpc.removePurchase)
  async remove(request: RpcRequest<ById>): Promise<null> {
    await this.purchases.remove(request, request.body.id);
    return null;
  }

  @Answers(hierarchyRpc.getPurchase)
  get(request: RpcRequest<ById>): Promise<PurchaseView> {
    return this.purchases.get(request, request.body.id);
  }

  @Answers(hierarchyRpc.listPurchases)
  list(request: RpcRequest<ListPurchases>): Promise<Page<PurchaseView>> {
    return this.purchases.list(request, request.body);
  }

  @Answers(hierarchyRpc.listProviderLicenses)
  providerLicenses(request: RpcRequest<ById>): Promise<ProviderLicensesView[]> {
    return this.balances.ofProvider(request, request.body.id);
  }

  @Answers(hierarchyRpc.listResellerLicenses)
  resellerLicenses(request: RpcRequest<ById>): Promise<NodeLicensesView[]> {
    return this.balances.ofReseller(request, request.body.id);
  }

  @Answers(hierarchyRpc.listGroupLicenses)
  groupLicenses(request: RpcRequest<ById>): Promise<NodeLicensesView[]> {
    return this.balances.ofGroup(request, request.body.id);
  }

  @Answers(hierarchyRpc.listResellerSubPurchases)
  resellerSubPurchases(request: RpcRequest<ById>): Promise<SubPurchaseView[]> {
    return this.subPurchases.list(request, 'reseller', request.body.id);
  }

  @Answers(hierarchyRpc.addResellerSubPurchase)
  addToReseller(request: RpcRequest<AddResellerSubPurchase>): Promise<SubPurchaseView> {
    const { resellerId, quantity } = request.body;
    return this.subPurchases.change(request, 'reseller', resellerId, request.body, { how: 'add', quantity });
  }

  @Answers(hierarchyRpc.setResellerSubPurchase)
  setOfReseller(request: RpcRequest<SetResellerSubPurchase>): Promise<SubPurchaseView> {
    const { resellerId, quantity } = request.body;
    return this.subPurchases.change(request, 'reseller', resellerId, request.body, { how: 'set', quantity });
  }

  @Answers(hierarchyRpc.removeResellerSubPurchase)
  async removeFromReseller(request: RpcRequest<RemoveResellerSubPurchase>): Promise<null> {
    await this.subPurchases.change(request, 'reseller', request.body.resellerId, request.body, { how: 'remove' });
    return null;
  }

  @Answers(hierarchyRpc.listGroupSubPurchases)
  groupSubPurchases(request: RpcRequest<ById>): Promise<SubPurchaseView[]> {
    return this.subPurchases.list(request, 'group', request.body.id);
  }

  @Answers(hierarchyRpc.addGroupSubPurchase)
  addToGroup(request: RpcRequest<AddGroupSubPurchase>): Promise<SubPurchaseView> {
    const { groupId, quantity } = request.body;
    return this.subPurchases.change(request, 'group', groupId, request.body, { how: 'add', quantity });
  }

  @Answers(hierarchyRpc.setGroupSubPurchase)
  setOfGroup(request: RpcRequest<SetGroupSubPurchase>): Promise<SubPurchaseView> {
    const { groupId, quantity } = request.body;
    return this.subPurchases.change(request, 'group', groupId, request.body, { how: 'set', quantity });
  }

  @Answers(hierarchyRpc.removeGroupSubPurchase)
  async removeFromGroup(request: RpcRequest<RemoveGroupSubPurchase>): Promise<null> {
    await this.subPurchases.change(request, 'group', request.body.groupId, request.body, { how: 'remove' });
    return null;
  }

  @Answers(hierarchyRpc.getOversell)
  oversell(request: RpcRequest<ById>): Promise<OversellView> {
    return this.subPurchases.oversell(request, request.body.id);
  }

  @Answers(hierarchyRpc.setOversell)
  setOversell(request: RpcRequest<SetOversell>): Promise<OversellView> {
    return this.subPurchases.setOversell(request, request.body.resellerId, request.body.oversell);
  }
}
