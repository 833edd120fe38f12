import { Injectable, type OnModuleInit } from '@nestjs/common';
import { SagaRunner } from '@strowger/saga';
import { Carriers } from '../carriers/carriers.service.js';
import { ProvisioningConfig } from '../config.js';
import { HookEndpoints } from '../platforms/hook-endpoints.service.js';
import { PlatformsService } from '../platforms/platforms.service.js';
import { NumberOutcomes } from './number-outcomes.service.js';
import { provisionSagas } from './provision-number.saga.js';
import { releaseNumber } from './release-number.saga.js';
import { Timeline } from './timeline.service.js';

/** Gives the sagas what they work with: the platform's carriers, opened again for each execution, and the number's timeline. */
@Injectable()
export class NumberSagas implements OnModuleInit {
  constructor(
    private readonly sagas: SagaRunner,
    private readonly carriers: Carriers,
    private readonly platforms: PlatformsService,
    private readonly endpoints: HookEndpoints,
    private readonly outcomes: NumberOutcomes,
    private readonly timeline: Timeline,
    private readonly config: ProvisioningConfig,
  ) {}

  onModuleInit(): void {
    const lookAgainMs = this.config.carrierLookAgainMs.map(Number);
    const deps = async ({ platformId, numberId }: { platformId: string; numberId: string }) => {
      const { onExchange, step: record } = this.timeline.recorder(numberId);
      const platform = await this.platforms.byId(platformId);
      const open = this.carriers.open(platform, onExchange);
      const webhookUrl = () => this.endpoints.urlOf(platform);
      return { ...open, webhookUrl, record, outcomes: this.outcomes, lookAgainMs };
    };
    for (const { saga } of provisionSagas()) this.sagas.register(saga, deps);
    this.sagas.register(releaseNumber, deps);
  }
}
