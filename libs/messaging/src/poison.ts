/** Messages a consumer can't handle, so that they hold up nothing else: when it is enough, and where they go. */
import type { JsMsg } from '@nats-io/jetstream';
import { AppError } from '@strowger/kernel';
import { storeDeadLetter, type DeadReason } from './dead-letters.js';
import type { Publisher } from './publisher.js';

/** Deliveries beyond `maxDeliver` that only crashes and restarts explain: the message kills every process that handles it. */
const CRASH_ALLOWANCE = 20;

export class Poison {
  constructor(
    private readonly publisher: Publisher,
    private readonly consumer: string,
    private readonly maxDeliver: number,
  ) {}

  /** Handling it never finished, often enough that it must not be tried again. */
  kills(deliveries: number): boolean {
    return deliveries > this.maxDeliver + CRASH_ALLOWANCE;
  }

  /** Handling it finished and failed, often enough that it must not be tried again. */
  isExhausted(deliveries: number): boolean {
    return deliveries >= this.maxDeliver;
  }

  /**
   * Resolves when the message is stored as a dead letter; only then may it leave the stream.
   * @param part the event of the message that is meant, where it is one of many
   */
  async remove(
    message: JsMsg,
    reason: DeadReason,
    error?: unknown,
    part?: { index: number; bytes: Uint8Array },
  ): Promise<void> {
    const kind = error instanceof AppError ? error.kind : undefined;
    await storeDeadLetter(this.publisher, this.consumer, message, { reason, error, kind }, part);
  }
}
