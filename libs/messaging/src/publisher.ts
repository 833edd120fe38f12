import { headers as newHeaders } from '@nats-io/nats-core';
import type { PubAck } from '@nats-io/jetstream';
import type { CloudEvent } from '@strowger/kernel';
import { guarded, inBackground, traceparent } from '@strowger/telemetry';
import { PublisherOverloaded, publishError, StreamUnavailable } from './errors.js';
import type { Messaging } from './messaging.js';

export type { PubAck };

export interface RawPublishOptions {
  /** Same id within two minutes: stored once, the ack says `duplicate`. */
  msgId: string;
  /** Default: that of the current span. */
  traceparent?: string;
  headers?: Readonly<Record<string, string>>;
  /** How long to wait for the stream's ack. Default 5000. */
  timeoutMs?: number;
}

interface Job extends RawPublishOptions {
  subject: string;
  bytes: Uint8Array;
  resolve(ack: PubAck): void;
  reject(error: unknown): void;
}

/** Bodies are bounded by the stream, so this bounds memory: 20 000 × 10 KiB ≈ 200 MiB at worst. */
const MAX_PENDING = 20_000;

/**
 * Publishes to JetStream; resolves with the stream's ack, which means stored and replicated, not fsynced. What is asked
 * for in one turn of the event loop is sent together. Rejects with StreamUnavailable at once while NATS is away.
 */
export class Publisher {
  private queue: Job[] = [];
  private armed = false;
  private inFlight = 0;

  constructor(
    private readonly messaging: Messaging,
    private readonly maxPending = MAX_PENDING,
  ) {}

  /** Publishes handed over and not yet acked. */
  get pending(): number {
    return this.inFlight;
  }

  /** Subject is the event's type, the message id the event's id. */
  publish(event: CloudEvent): Promise<PubAck> {
    const { id: msgId, traceparent: trace } = event;
    return this.publishRaw(event.type, new TextEncoder().encode(JSON.stringify(event)), { msgId, traceparent: trace });
  }

  /** For the high-rate path: bytes as they are. */
  publishRaw(subject: string, bytes: Uint8Array, options: RawPublishOptions): Promise<PubAck> {
    if (!this.messaging.connected) return Promise.reject(new StreamUnavailable(subject));
    if (this.inFlight >= this.maxPending) return Promise.reject(new PublisherOverloaded(this.maxPending));
    this.inFlight++;
    return new Promise<PubAck>((resolve, reject) => {
      this.queue.push({
        ...options,
        traceparent: options.traceparent ?? traceparent(),
        subject,
        bytes,
        resolve,
        reject,
      });
      if (this.armed) return;
      this.armed = true;
      setImmediate(guarded('publish', () => this.flush()));
    });
  }

  private flush(): void {
    this.armed = false;
    const jobs = this.queue;
    this.queue = [];
    for (const job of jobs) inBackground('publish', this.send(job));
  }

  private async send(job: Job): Promise<void> {
    try {
      const hdrs = newHeaders();
      if (job.traceparent) hdrs.set('traceparent', job.traceparent);
      for (const [name, value] of Object.entries(job.headers ?? {})) hdrs.set(name, value);
      const ack = await this.messaging.js.publish(job.subject, job.bytes, {
        msgID: job.msgId,
        headers: hdrs,
        timeout: job.timeoutMs ?? 5000,
      });
      // The library refuses an empty stream name; a missing one is not an ack either.
      if (!ack.stream) throw new StreamUnavailable(job.subject, { outcome: 'unknown' });
      job.resolve(ack);
    } catch (error) {
      job.reject(publishError(job.subject, error));
    } finally {
      this.inFlight--;
    }
  }
}
