import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Processes, runAgainIn, Timers, type RunAgain } from '@strowger/jobs';
import { Clock } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { checkEnablement, EnablementSchedule } from './enablement-schedule.js';
import { EnablementService } from './enablement.service.js';

const SWEEP_SECONDS = 15;

@Injectable()
export class EnablementJob implements OnApplicationBootstrap {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly timers: Timers,
    private readonly schedule: EnablementSchedule,
    private readonly enablement: EnablementService,
  ) {}

  onApplicationBootstrap(): void {
    this.timers.everySeconds(SWEEP_SECONDS, 'enablement-sweep', () => this.sweep());
  }

  @Processes(checkEnablement)
  async check({ numberId }: { numberId: string }): Promise<void | RunAgain> {
    const again = await this.enablement.checkIfDue(numberId);
    if (again) return runAgainIn(Math.max(1, this.schedule.delayMs(again)));
  }

  /** Numbers that are due although no job came: Redis lost it, or could not take it. */
  async sweep(): Promise<void> {
    const now = this.clock.now();
    const due = await this.db.query(sql<{ id: string }>`
      select id from cpaas_number where next_check_at <= ${now} order by next_check_at limit 500`);
    for (const { id } of due) await this.schedule.arm(id, now);
  }
}
