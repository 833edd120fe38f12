import type { JsMsg } from '@nats-io/jetstream';
import { logger } from '@strowger/telemetry';
import { describeError } from './errors.js';

/** A delivered message this process has neither acked nor handed back. */
export interface Unsettled {
  /** The newest delivery of it; acks go here. */
  message: JsMsg;
  lastBeat: number;
  /** Set when work on it begins. */
  startedAt?: number;
  /** Told once when it stalls. */
  onStall?: () => void;
  /** No more heartbeats: its handler takes too long, so the server may redeliver. */
  stalled?: boolean;
}

/**
 * What a runner holds. Tells the server that messages are still being worked on, those that wait in line too, so that
 * the ack wait can be short and a crash is noticed soon. A redelivery of a held message is dropped here.
 */
export class UnsettledMessages {
  private readonly held = new Map<string, Unsettled>();
  private readonly timer: NodeJS.Timeout;

  constructor(
    ackWaitSeconds: number,
    private readonly onStall?: { afterMs: number; report: (message: Unsettled) => void },
  ) {
    const every = (ackWaitSeconds * 1000) / 3;
    this.timer = setInterval(() => this.beat(every), every / 2);
    this.timer.unref();
  }

  get size(): number {
    return this.held.size;
  }

  /** The entry to work on; undefined when this process has it already. */
  add(message: JsMsg): Unsettled | undefined {
    const key = keyOf(message);
    const known = this.held.get(key);
    if (known && !known.stalled) {
      known.message = message;
      known.lastBeat = Date.now();
      return undefined;
    }
    const entry: Unsettled = { message, lastBeat: Date.now() };
    this.held.set(key, entry);
    return entry;
  }

  settle(entry: Unsettled, how: (message: JsMsg) => void): void {
    const key = keyOf(entry.message);
    if (this.held.get(key) === entry) this.held.delete(key);
    tell(() => how(entry.message));
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private beat(every: number): void {
    const now = Date.now();
    for (const entry of this.held.values()) {
      if (entry.stalled) continue;
      if (this.onStall && entry.startedAt !== undefined && now - entry.startedAt > this.onStall.afterMs) {
        entry.stalled = true;
        this.onStall.report(entry);
        entry.onStall?.();
      } else if (now - entry.lastBeat >= every / 2) {
        entry.lastBeat = now;
        tell(() => entry.message.working());
      }
    }
  }
}

/** On a closed connection nothing can be said, and the server redelivers by itself. */
export function tell(say: () => void): void {
  try {
    say();
  } catch (error) {
    logger('messaging').warn({ error: describeError(error) }, 'settlement-not-sent');
  }
}

const keyOf = (message: JsMsg): string => `${message.info.stream}:${message.seq}`;
