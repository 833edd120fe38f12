import { headers, type Msg, type NatsConnection } from '@nats-io/nats-core';
import { DeliveryReceivedV1 } from '@strowger/contracts-ingestion';
import type { AppError } from '@strowger/kernel';
import { type Messaging, PublishRefused, StreamUnavailable } from '@strowger/messaging';
import { telemetryOn } from '@strowger/telemetry';

/** A delivery on its way; `tag` is the sender's own. */
export interface Sent {
  readonly seq: number;
  readonly key: string;
  readonly tag: number;
  /** Milliseconds since 1970. */
  readonly deadline: number;
}

export interface Receipts {
  acked(sent: Sent): void;
  /** `publish-refused`: the stream said no to this one. `stream-unavailable`: nobody stored it, or (`outcome: 'unknown'`) nobody knows. */
  failed(sent: Sent, error: AppError): void;
}

const SUBJECT = DeliveryReceivedV1.type;
const SWEEP_MS = 250;
/** The envelope's own attributes come before its data and are of known length. */
const ENVELOPE_BYTES = 512;
const TRACEPARENT = /^\{[^{]*"traceparent":"([0-9a-f-]{55})"/;

/**
 * Publishes deliveries to JetStream with the delivery's id as message id. Beside the library's own publish, which makes a
 * request with an Error, a timer and a promise of each message, because at the rate of the webhooks that is half of all the
 * work: here all acks come to one inbox, and what is sent in one turn of the event loop leaves in one write.
 */
export class DeliveryStream {
  private readonly pending = new Map<number, Sent>();
  /** Encoded within publish, so one serves all. */
  private readonly hdrs = headers();
  /** The headers hold the trace of the last delivery. */
  private traced = false;
  private nextToken = 1;
  private inbox = '';
  private nc?: NatsConnection;
  private closed = false;
  private readonly offConnected: () => void;
  private readonly sweeper: NodeJS.Timeout;
  private readonly listeners = new Set<() => void>();
  private receipts?: Receipts;

  /** @param timeoutMs how long an ack may take */
  constructor(
    private readonly messaging: Messaging,
    private readonly timeoutMs = 5000,
  ) {
    this.sweeper = setInterval(() => this.sweep(), SWEEP_MS).unref();
    this.offConnected = messaging.onConnected(() => this.up());
  }

  get connected(): boolean {
    return this.nc !== undefined && this.messaging.connected && !this.closed;
  }

  /** Called whenever the stream has become reachable. Returns how to stop it. */
  onUp(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Who is told of acks and failures; set once, before the first `send`. */
  tell(receipts: Receipts): void {
    this.receipts = receipts;
  }

  /** Exactly one receipt follows, a failure perhaps at once. What is sent in one go leaves in one write. */
  send(delivery: { seq: number; key: string; payload: Uint8Array }, tag = 0): void {
    const { seq, key } = delivery;
    const sent: Sent = { seq, key, tag, deadline: Date.now() + this.timeoutMs };
    // While disconnected the client would keep the message in memory and send it whenever.
    if (!this.connected) return this.receipts?.failed(sent, new StreamUnavailable(SUBJECT));
    const token = this.nextToken++;
    this.hdrs.set('Nats-Msg-Id', key);
    if (this.traced || telemetryOn()) this.carryTrace(delivery.payload);
    try {
      this.nc!.publish(SUBJECT, delivery.payload, { reply: this.inbox + token, headers: this.hdrs });
    } catch (error) {
      // Larger than the server takes, or the connection has just been closed.
      const failure = this.nc!.isClosed()
        ? new StreamUnavailable(SUBJECT)
        : new PublishRefused(SUBJECT, asError(error));
      return this.receipts?.failed(sent, failure);
    }
    this.pending.set(token, sent);
  }

  /** Fails what is pending; nothing can be sent any more. The connection is the caller's. */
  close(): void {
    this.closed = true;
    clearInterval(this.sweeper);
    this.offConnected();
    this.failAll('closed');
  }

  private up(): void {
    const { nc } = this.messaging;
    if (this.nc !== nc) {
      this.nc = nc;
      this.inbox = `_INBOX.deliveries.${crypto.randomUUID()}.`;
      nc.subscribe(`${this.inbox}*`, { callback: (_error, reply) => this.onReply(reply) });
      void this.follow(nc);
    }
    for (const listener of this.listeners) listener();
  }

  /** Acks of what was sent before a disconnect went to nobody: waiting for them is no use. */
  private async follow(nc: NatsConnection): Promise<void> {
    for await (const { type } of nc.status()) if (type === 'disconnect') this.failAll('disconnected');
    this.failAll('closed');
  }

  /** From the event itself, so that what comes from the spool later carries its trace too. */
  private carryTrace(event: Uint8Array): void {
    const envelope = Buffer.from(event.buffer, event.byteOffset, Math.min(event.length, ENVELOPE_BYTES)).toString(
      'latin1',
    );
    const traceparent = TRACEPARENT.exec(envelope)?.[1];
    this.traced = traceparent !== undefined;
    if (traceparent) this.hdrs.set('traceparent', traceparent);
    else this.hdrs.delete('traceparent');
  }

  private onReply(reply: Msg): void {
    const token = Number(reply.subject.slice(this.inbox.length));
    const sent = this.pending.get(token);
    if (!sent) return;
    this.pending.delete(token);
    const failure = failureIn(reply);
    if (failure) this.receipts?.failed(sent, failure);
    else this.receipts?.acked(sent);
  }

  /** The map is in the order of sending, so the oldest come first. */
  private sweep(): void {
    const now = Date.now();
    for (const [token, sent] of this.pending) {
      if (sent.deadline > now) return;
      this.pending.delete(token);
      this.receipts?.failed(sent, new StreamUnavailable(SUBJECT, { outcome: 'unknown' }));
    }
  }

  private failAll(why: string): void {
    const all = [...this.pending.values()];
    this.pending.clear();
    for (const sent of all) this.receipts?.failed(sent, new StreamUnavailable(why, { outcome: 'unknown' }));
  }
}

/** Why a reply is no ack. A reply without a body carries status 503: no stream listens, so nobody stored it. */
export function failureIn(reply: Pick<Msg, 'data' | 'headers' | 'string'>): AppError | undefined {
  if (reply.data.length === 0) return new StreamUnavailable(SUBJECT);
  let ack: { stream?: unknown; error?: { code?: number; description?: string } };
  try {
    ack = JSON.parse(reply.string()) as typeof ack;
  } catch (cause) {
    return new StreamUnavailable(SUBJECT, { cause, outcome: 'unknown' });
  }
  if (ack.error) {
    const cause = new Error(ack.error.description ?? 'no reason given');
    return ack.error.code === 503 ? new StreamUnavailable(SUBJECT, { cause }) : new PublishRefused(SUBJECT, cause);
  }
  return typeof ack.stream === 'string' && ack.stream !== ''
    ? undefined
    : new StreamUnavailable(SUBJECT, { outcome: 'unknown' });
}

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));
