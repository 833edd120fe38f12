import { Module } from '@nestjs/common';
import { HistoryModule } from '../history/history.module.js';
import { NodesModule } from '../nodes/nodes.module.js';
import { BalancesService } from './balances.service.js';
import { Entitlement } from './entitlement.service.js';
import { LicenseServing } from './license-serving.service.js';
import { PoolsService } from './pools.service.js';
import { PurchasesService } from './purchases.service.js';
import { SeatsService } from './seats.service.js';
import { SubPurchasesService } from './sub-purchases.service.js';
import { ExpiryAlerts } from './terms/expiry-alerts.service.js';
import { ExpiryItems } from './terms/expiry-items.service.js';
import { ForecastService } from './terms/forecast.service.js';
import { HoldingsService } from './terms/holdings.service.js';
import { LicenseClock } from './terms/license-clock.sweeper.js';
import { TermsService } from './terms/terms.service.js';
import { TrialExpiry } from './trials/trial-expiry.service.js';
import { TrialsService } from './trials/trials.service.js';

/** Purchases, pools, seats, terms and trials. Knows no other feature: of nodes and users it reads the rows. */
@Module({
  imports: [HistoryModule, NodesModule],
  providers: [
    BalancesService,
    Entitlement,
    ExpiryAlerts,
    ExpiryItems,
    ForecastService,
    HoldingsService,
    LicenseClock,
    LicenseServing,
    PoolsService,
    PurchasesService,
    SeatsService,
    SubPurchasesService,
    TermsService,
    TrialExpiry,
    TrialsService,
  ],
  exports: [BalancesService, Entitlement, LicenseServing, PoolsService, SeatsService, SubPurchasesService],
})
export class LicensingModule {}
