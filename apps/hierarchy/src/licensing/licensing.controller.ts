import { Controller } from '@nestjs/common';
import {
  hierarchyRpc,
  type ById,
  type ProductView,
  type PurchaseView,
  type SetPurchase,
} from '@strowger/contracts-hierarchy';
import { Answers } from '@strowger/http';
import type { RpcRequest } from '@strowger/kernel';
import { PRODUCTS } from './catalogue.js';
import { PurchasesService } from './purchases.service.js';

@Controller()
export class LicensingController {
  constructor(private readonly purchases: PurchasesService) {}

  @Answers(hierarchyRpc.listProducts)
  listProducts(): Promise<ProductView[]> {
    return Promise.resolve([...PRODUCTS]);
  }

  @Answers(hierarchyRpc.setPurchase)
  set(request: RpcRequest<SetPurchase>): Promise<PurchaseView> {
    return this.purchases.set(request, request.body);
  }

  @Answers(hierarchyRpc.listPurchases)
  list(request: RpcRequest<ById>): Promise<PurchaseView[]> {
    return this.purchases.list(request, request.body.id);
  }
}
