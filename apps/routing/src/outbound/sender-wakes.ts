/** Wakes senders: the one in this process at once, and where another process sends for the platform, that one. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Timers } from '@strowger/jobs';
import { Messaging } from '@strowger/messaging';
import { guarded, inBackground, logger } from '@strowger/telemetry';
import { SendingStore } from '../messages/sending.store.js';
import { ReceiptsService } from './receipts.service.js';
import { SenderService } from './sender.service.js';

const SWEEP_SECONDS = 1;
const PARKED_SWEEP_SECONDS = 3600;
/** Platforms one process sends for at once; more are left to the next sweep. */
const MOST_PLATFORMS = 64;
/** When another process holds the right to send, how long until this one looks and sends its hint again. */
const REST_MS = 20;
/** Not a fact: a hint to the other processes of this service. The row is the queue, and the sweep finds what a hint missed. */
const WAKE_SUBJECT = 'routing.sender-wake';

const log = logger('sender');

@Injectable()
export class SenderWakes implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** Platforms that another process sends for, and whether more became due since. */
  private readonly resting = new Map<string, { again: boolean; timer: NodeJS.Timeout }>();
  /** Sending runs outside of the request or transaction that caused it. */
  private readonly outside = AsyncLocalStorage.snapshot();

  constructor(
    private readonly sender: SenderService,
    private readonly sending: SendingStore,
    private readonly receipts: ReceiptsService,
    private readonly messaging: Messaging,
    private readonly timers: Timers,
  ) {}

  onApplicationBootstrap(): void {
    this.timers.everySeconds(SWEEP_SECONDS, 'sender-sweep', () => this.sweep());
    this.timers.everySeconds(PARKED_SWEEP_SECONDS, 'parked-receipts-sweep', () => this.receipts.forgetOldParked());
    this.messaging.ready().then(
      () =>
        this.messaging.nc.subscribe(WAKE_SUBJECT, {
          callback: guarded('sender-wake', (_, message) => this.hear(message.string())),
        }),
      // Closed before NATS ever answered.
      () => undefined,
    );
  }

  async beforeApplicationShutdown(): Promise<void> {
    for (const { timer } of this.resting.values()) clearTimeout(timer);
    await this.sender.stop();
  }

  /** Something is due at the platform. Returns at once. */
  wake(platformId: string): void {
    const resting = this.resting.get(platformId);
    if (resting) resting.again = true;
    else this.outside(() => inBackground('sender-drain', this.drain(platformId, true)));
  }

  /** Retries that have come due, and messages a dead process left behind. */
  async sweep(): Promise<void> {
    for (const platformId of await this.sending.platformsDue())
      if (this.sender.busy < MOST_PLATFORMS || this.sender.isSendingFor(platformId)) this.wake(platformId);
  }

  private hear(platformId: string): void {
    if (this.sender.isSendingFor(platformId)) inBackground('sender-drain', this.drain(platformId, false));
  }

  private async drain(platformId: string, first: boolean): Promise<void> {
    const elsewhere = await this.sender.drain(platformId).catch((err: unknown) => {
      log.error({ platformId, err }, 'drain-failed');
      return false;
    });
    if (!elsewhere) return;
    if (first && this.messaging.connected) this.messaging.nc.publish(WAKE_SUBJECT, platformId);
    // The other process may have been giving the right back and missed the hint, so this one looks once more.
    const timer = setTimeout(() => {
      const again = this.resting.get(platformId)?.again;
      this.resting.delete(platformId);
      if (again) this.wake(platformId);
      else if (first) inBackground('sender-drain', this.drain(platformId, false));
    }, REST_MS).unref();
    this.resting.set(platformId, { again: false, timer });
  }
}
