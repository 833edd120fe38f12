import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Timers } from '@strowger/jobs';
import { AppError, Clock } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { logger } from '@strowger/telemetry';
import { Carriers } from '../carriers/carriers.service.js';
import { ProvisioningConfig } from '../config.js';
import { PlatformsService } from '../platforms/platforms.service.js';
import { Timeline } from './timeline.service.js';

const SWEEP_SECONDS = 30;
const MOST_ATTEMPTS = 300;
const log = logger('exchange-removals');

interface Removal {
  numberId: string;
  platformId: string;
  e164: string;
  attempts: number;
}

/** Removes numbers from Message Exchange that it refused to remove at first, because their jobs still ran. */
@Injectable()
export class ExchangeRemovals implements OnApplicationBootstrap {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly timers: Timers,
    private readonly timeline: Timeline,
    private readonly carriers: Carriers,
    private readonly platforms: PlatformsService,
    private readonly config: ProvisioningConfig,
  ) {}

  onApplicationBootstrap(): void {
    this.timers.everySeconds(SWEEP_SECONDS, 'exchange-removals-sweep', () => this.sweep());
  }

  async sweep(): Promise<void> {
    const now = this.clock.now();
    const again = new Date(now.getTime() + this.config.cleanupSeconds * 1000);
    const due = await this.db.query(sql<Removal>`
      update exchange_removal set due_at = ${again}, attempts = attempts + 1 where number_id in (
        select number_id from exchange_removal where due_at <= ${now} order by due_at limit 20 for update skip locked)
      returning number_id as "numberId", platform_id as "platformId", e164, attempts`);
    for (const removal of due)
      await this.remove(removal).catch((error: unknown) =>
        log.warn({ numberId: removal.numberId, code: AppError.wrap(error).code }, 'exchange-removal-later'),
      );
  }

  private async remove({ numberId, platformId, e164, attempts }: Removal): Promise<void> {
    // Assigned again meanwhile: the enablement is in use, so it must not be removed.
    const [inUse] = await this.db.query(
      sql`select 1 from cpaas_number where e164 = ${e164} and ended_at is null and id <> ${numberId}`,
    );
    if (!inUse && attempts <= MOST_ATTEMPTS) {
      const recorder = this.timeline.recorder(numberId);
      const { exchange } = this.carriers.open(await this.platforms.byId(platformId), recorder.onExchange);
      if (exchange)
        await recorder.step(
          'release.removeFromExchange',
          () => 'Taken off Message Exchange.',
          () => exchange.remove(e164),
        );
    }
    if (attempts > MOST_ATTEMPTS) log.error({ numberId }, 'exchange-removal-given-up');
    await this.db.query(sql`delete from exchange_removal where number_id = ${numberId}`);
  }
}
