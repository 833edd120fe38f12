import { InFlight } from '@strowger/kernel';
import type { DeliveryStream } from './delivery-stream.js';
import type { SpoolEntry } from '../spool/records.js';
import type { Journal } from './delivery-journal.js';

/**
 * For pods without a disk on a replicated cluster (`DURABILITY=stream`): a delivery is as safe as the stream makes it. While
 * the stream is away, no delivery can be stored.
 */
export class StreamOnlyJournal implements Journal {
  private readonly pending = new InFlight<PromiseWithResolvers<void>>();
  private queue: SpoolEntry[] = [];
  private nextSeq = 1;
  private idle?: () => void;

  constructor(private readonly stream: DeliveryStream) {
    stream.reportTo({
      acked: ({ first }) => this.settle(first),
      failed: ({ first }, error) => this.settle(first, error),
    });
  }

  accept(deliveryId: string, event: Buffer): Promise<void> {
    const seq = this.nextSeq++;
    const outcome = Promise.withResolvers<void>();
    this.pending.add(seq, outcome);
    this.queue.push({ seq, key: deliveryId, payload: event, group: 1 });
    if (this.queue.length === 1) setImmediate(() => this.flush());
    return outcome.promise;
  }

  check(): Promise<void> {
    return this.stream.connected ? Promise.resolve() : Promise.reject(new Error('the stream is away'));
  }

  async close(withinMs: number): Promise<void> {
    if (this.pending.size === 0) return;
    await new Promise<void>((resolve) => {
      this.idle = resolve;
      setTimeout(resolve, withinMs).unref();
    });
  }

  private flush(): void {
    const batch = this.queue;
    this.queue = [];
    for (const entry of batch) this.stream.send([entry]);
  }

  private settle(seq: number, error?: Error): void {
    const outcome = this.pending.get(seq);
    this.pending.delete(seq);
    if (error) outcome?.reject(error);
    else outcome?.resolve();
    if (this.pending.size === 0) this.idle?.();
  }
}
