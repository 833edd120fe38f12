import type { JsMsg } from '@nats-io/jetstream';
import { guarded, logger } from '@strowger/telemetry';
import { describeError } from './errors.js';

/** A delivered message this process has neither acked nor handed back. */
export interface Unsettled {
  /** The newest delivery of it; acks go here. */
  message: JsMsg;
  /** In its stream. */
  readonly seq: number;
  lastBeat: number;
  /** Set when work on it begins. */
  startedAt?: number;
  /** Called once when it stalls. */
  onStall?: () => void;
  /** No more heartbeats: its handler takes too long, so the server may redeliver. */
  stalled?: boolean;
  /** Where it stands in the list of all; -1 once it is settled. */
  at: number;
}

/** What happens when work on a message takes longer than it may. */
export interface StallWatch {
  afterMs: number;
  report: (message: Unsettled) => void;
}

/**
 * What a runner holds. Lets the server know that messages are still being worked on, those that wait in line too, so that
 * the ack wait can be short and a crash is noticed soon. A redelivery of a held message is dropped here.
 */
export class UnsettledMessages {
  /** In no order, a thousand at most for each consumer. Not a Map: thousands a second coming and going leave a chain of old tables that outlives quick collections. */
  private readonly held: Unsettled[] = [];
  private readonly timer: NodeJS.Timeout;

  constructor(
    ackWaitSeconds: number,
    private readonly stalls?: StallWatch,
  ) {
    const every = (ackWaitSeconds * 1000) / 3;
    this.timer = setInterval(
      guarded('heartbeat', () => this.beat(every)),
      every / 2,
    );
    this.timer.unref();
  }

  get size(): number {
    return this.held.length;
  }

  /** The entry to work on; undefined when this process has it already. */
  add(message: JsMsg): Unsettled | undefined {
    // The delivery count is not reliable: after many naks nats-server 2.9 delivers a message with count 2 and again with count 1.
    const { seq } = message;
    const known = this.held.find((entry) => entry.seq === seq && entry.message.info.stream === message.info.stream);
    if (known && !known.stalled) {
      known.message = message;
      known.lastBeat = Date.now();
      return undefined;
    }
    // The stalled one is its handler's business now.
    if (known) this.forget(known);
    const entry: Unsettled = { message, seq, lastBeat: Date.now(), at: this.held.length };
    this.held.push(entry);
    return entry;
  }

  settle(entry: Unsettled, how: (message: JsMsg) => void): void {
    this.forget(entry);
    signal(() => how(entry.message));
  }

  private forget(entry: Unsettled): void {
    if (entry.at === -1) return;
    const last = this.held.pop()!;
    if (last !== entry) {
      this.held[entry.at] = last;
      last.at = entry.at;
    }
    entry.at = -1;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private beat(every: number): void {
    const now = Date.now();
    for (const entry of this.held) {
      if (entry.stalled) continue;
      if (this.stalls && entry.startedAt !== undefined && now - entry.startedAt > this.stalls.afterMs) {
        entry.stalled = true;
        this.stalls.report(entry);
        entry.onStall?.();
      } else if (now - entry.lastBeat >= every / 2) {
        entry.lastBeat = now;
        signal(() => entry.message.working());
      }
    }
  }
}

/** On a closed connection nothing can be said, and the server redelivers by itself. */
export function signal(send: () => void): void {
  try {
    send();
  } catch (error) {
    logger('messaging').warn({ error: describeError(error) }, 'settlement-not-sent');
  }
}
