import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Jobs, Processes, Timers } from '@strowger/jobs';
import { drainPlatform } from './drain.jobs.js';
import { ReceiptsService } from './receipts.service.js';
import { SendingStore } from '../messages/sending.store.js';
import { SenderService } from './sender.service.js';

const SWEEP_SECONDS = 1;
const PARKED_SWEEP_SECONDS = 3600;

@Injectable()
export class SenderJob implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    private readonly sender: SenderService,
    private readonly sending: SendingStore,
    private readonly receipts: ReceiptsService,
    private readonly jobs: Jobs,
    private readonly timers: Timers,
  ) {}

  onApplicationBootstrap(): void {
    this.timers.everySeconds(SWEEP_SECONDS, 'sender-sweep', () => this.sweep());
    this.timers.everySeconds(PARKED_SWEEP_SECONDS, 'parked-receipts-sweep', () => this.receipts.forgetOldParked());
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.sender.stop();
  }

  @Processes(drainPlatform)
  async drain({ platformId }: { platformId: string }): Promise<void> {
    await this.sender.drain(platformId);
  }

  /** Retries that have come due, jobs that Redis lost, messages a dead process left behind. */
  async sweep(): Promise<void> {
    for (const platformId of await this.sending.platformsDue())
      await this.jobs.add(drainPlatform, { platformId }, { jobId: `sweep:${platformId}` });
  }
}
