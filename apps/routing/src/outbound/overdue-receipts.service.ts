/**
 * Receipts come once, and some are lost. A text that the carrier took and of which nothing final has been heard is looked
 * up there, at growing intervals; what the carrier says then counts as its receipt.
 */
import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Timers } from '@strowger/jobs';
import { AppError, Clock } from '@strowger/kernel';
import { Db } from '@strowger/persistence';
import { isFinal } from '@strowger/sms';
import { counter, logger } from '@strowger/telemetry';
import { RoutingConfig } from '../config.js';
import { PlatformAccess } from '../directory/platform-access.js';
import { SendingStore, type Overdue } from '../messages/sending.store.js';
import { ReceiptsService, type Receipt } from './receipts.service.js';

const SWEEP_SECONDS = 10;
/** Of one sweep, and how many of them are asked for at once: sending comes first. */
const MOST_LOOKS = 200;
const AT_ONCE = 4;

const log = logger('overdue-receipts');
const looked = counter(
  'strowger_receipt_looks_total',
  'Texts without a last receipt that were looked up, by what was found',
);

@Injectable()
export class OverdueReceipts implements OnApplicationBootstrap {
  private readonly seconds: readonly number[];

  constructor(
    private readonly db: Db,
    private readonly sending: SendingStore,
    private readonly receipts: ReceiptsService,
    private readonly platforms: PlatformAccess,
    private readonly timers: Timers,
    private readonly clock: Clock,
    config: RoutingConfig,
  ) {
    this.seconds = config.receiptLookSeconds.map(Number);
  }

  onApplicationBootstrap(): void {
    this.timers.everySeconds(SWEEP_SECONDS, 'overdue-receipts', () => this.sweep());
  }

  async sweep(): Promise<void> {
    const overdue = await this.sending.takeOverdue(this.seconds, MOST_LOOKS);
    const waiting = [...overdue];
    const found: Receipt[] = [];
    const look = async (): Promise<void> => {
      for (let one = waiting.shift(); one; one = waiting.shift()) {
        const receipt = await this.look(one);
        if (receipt) found.push(receipt);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, look));
    await this.receipts.apply(found);
    await this.giveUp(overdue.filter(({ last }) => last));
  }

  private async look({ id, platformId, carrierMessageId }: Overdue): Promise<Receipt | undefined> {
    try {
      const { carrier, access } = await this.platforms.of(platformId);
      const message = await carrier.messages.read?.(access, carrierMessageId);
      looked.inc({ as: message ? 'found' : 'absent' });
      if (!message) return undefined;
      const { status, errorCode } = message;
      return { platformId, carrierMessageId, status, errorCode, receivedAt: this.clock.now().toISOString() };
    } catch (error) {
      // It is due again, later than this time.
      looked.inc({ as: 'unanswered' });
      log.warn({ attemptId: id, platformId, code: AppError.wrap(error).code }, 'receipt-not-looked-up');
      return undefined;
    }
  }

  /** Nothing final by the last look: `unknown`, which a late receipt can still turn into `delivered`. */
  private async giveUp(overdue: readonly Overdue[]): Promise<void> {
    if (overdue.length === 0) return;
    await this.db.transactional(async () => {
      const attempts = await this.sending.takenAs(overdue);
      await this.receipts.end(attempts.filter(({ state }) => !isFinal(state)));
    });
  }
}
