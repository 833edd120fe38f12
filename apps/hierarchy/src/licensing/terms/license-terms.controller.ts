import { Controller } from '@nestjs/common';
import {
  hierarchyRpc,
  type ById,
  type ForecastView,
  type GetLicenseForecast,
  type LicenseHoldingView,
  type ListTrials,
  type TrialView,
} from '@strowger/contracts-hierarchy';
import { Answers } from '@strowger/http';
import type { Page, RpcRequest } from '@strowger/kernel';
import { TrialsService } from '../trials/trials.service.js';
import { ForecastService } from './forecast.service.js';
import { HoldingsService } from './holdings.service.js';

@Controller()
export class LicenseTermsController {
  constructor(
    private readonly trials: TrialsService,
    private readonly forecasts: ForecastService,
    private readonly holdings: HoldingsService,
  ) {}

  @Answers(hierarchyRpc.listTrials)
  listTrials(request: RpcRequest<ListTrials>): Promise<Page<TrialView>> {
    return this.trials.list(request, request.body);
  }

  @Answers(hierarchyRpc.listLicenseHoldings)
  listHoldings(request: RpcRequest<ById>): Promise<LicenseHoldingView[]> {
    return this.holdings.list(request, request.body.id);
  }

  @Answers(hierarchyRpc.getLicenseForecast)
  forecast(request: RpcRequest<GetLicenseForecast>): Promise<ForecastView[]> {
    return this.forecasts.of(request, request.body);
  }
}
