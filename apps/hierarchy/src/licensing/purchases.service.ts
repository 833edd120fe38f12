import { Injectable } from '@nestjs/common';
import type { PurchaseView, SetPurchase } from '@strowger/contracts-hierarchy';
import { Clock, NotFound, type RpcContext } from '@strowger/kernel';
import { Db } from '@strowger/persistence';
import { HistoryService } from '../history/history.service.js';
import { SystemProvidersService } from '../system-providers/system-providers.service.js';
import { OperatorOnly } from '../visibility.js';
import { productOf, rankOf } from './catalogue.js';
import { LicensePurchase } from './license-purchase.entity.js';
import { SeatsService } from './seats.service.js';

@Injectable()
export class PurchasesService {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly history: HistoryService,
    private readonly providers: SystemProvidersService,
    private readonly seats: SeatsService,
  ) {}

  /** Sets how many licences of a product the provider owns; not below what is assigned. */
  async set({ scope, actor }: RpcContext, given: SetPurchase): Promise<PurchaseView> {
    return this.db.transactional(async (em) => {
      const provider = await this.providers.find(scope, given.systemProviderId, em);
      if (!provider) throw new NotFound('system-provider', given.systemProviderId);
      if (scope.level !== 'platform') throw new OperatorOnly('set how many licenses a system provider owns');
      const product = productOf(given.application, given.licenseType);
      const purchase = await this.seats.lockOrAdd(em, provider.id, product);
      const from = purchase.quantity;
      if (purchase.setQuantity(given.quantity, this.clock.now()))
        this.history.record(em, actor, 'purchase-set', provider.historyObject(), {
          [`${product.application} ${product.licenseType}`]: { from, to: given.quantity },
        });
      return purchase.view();
    });
  }

  /** In the order of the catalogue; products never purchased are left out. */
  async list({ scope }: RpcContext, systemProviderId: string): Promise<PurchaseView[]> {
    const provider = await this.providers.find(scope, systemProviderId);
    if (!provider) throw new NotFound('system-provider', systemProviderId);
    const purchases = await this.db.em().find(LicensePurchase, { systemProviderId: provider.id });
    return purchases
      .map((purchase) => purchase.view())
      .sort((a, b) => rankOf(a.application, a.licenseType) - rankOf(b.application, b.licenseType));
  }
}
