import { Injectable } from '@nestjs/common';
import { defineJob, Jobs } from '@strowger/jobs';
import { Clock } from '@strowger/kernel';
import { Db } from '@strowger/persistence';
import { logger } from '@strowger/telemetry';
import { ProvisioningConfig } from '../config.js';
import type { CpaasNumber } from './number.entity.js';

export const checkEnablement = defineJob<{ numberId: string }>('provisioning.check-enablement');
const log = logger('enablement');

/** When numbers are looked at. The row's `next_check_at` is the truth; the queue's job only makes it timely. */
@Injectable()
export class EnablementSchedule {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly jobs: Jobs,
    private readonly config: ProvisioningConfig,
  ) {}

  /** A period from now, plus or minus a twentieth: numbers that were added together must not be looked up together for ever. */
  next(): Date {
    const { enablementPollSeconds: seconds } = this.config;
    const jitter = (Math.random() * 2 - 1) / 20;
    return new Date(this.clock.now().getTime() + seconds * 1000 * (1 + jitter));
  }

  delayMs(at: Date): number {
    return Math.max(0, at.getTime() - this.clock.now().getTime());
  }

  armAfterCommit(number: Pick<CpaasNumber, 'id' | 'nextCheckAt'>): void {
    const { id, nextCheckAt } = number;
    if (nextCheckAt) this.db.afterCommit(() => this.arm(id, nextCheckAt));
  }

  /** Never throws: when Redis can't take the job now, the sweep adds it when it is due. */
  async arm(numberId: string, at: Date): Promise<void> {
    try {
      const options = { jobId: numberId, delayMs: this.delayMs(at), replace: true };
      await this.jobs.add(checkEnablement, { numberId }, options);
    } catch (error) {
      log.warn({ numberId, err: error }, 'enablement-check-left-to-sweep');
    }
  }
}
