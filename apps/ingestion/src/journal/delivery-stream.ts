import { headers, type Msg, type NatsConnection } from '@nats-io/nats-core';
import { DeliveryReceivedV1 } from '@strowger/contracts-ingestion';
import { type AppError, InFlight } from '@strowger/kernel';
import { type Messaging, PublishRefused, StreamUnavailable } from '@strowger/messaging';
import { guarded, inBackground, telemetryOn } from '@strowger/telemetry';
import type { SpoolEntry } from '../spool/records.js';

/** A message on its way, of one delivery or several in a row; `tag` is the sender's own. */
export interface Sent {
  readonly first: number;
  readonly last: number;
  /** Of the first delivery. */
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

/** What is sent of a delivery: the bytes of its CloudEvent. */
type Delivery = Pick<SpoolEntry, 'seq' | 'key' | 'payload'>;

const SUBJECT = DeliveryReceivedV1.type;
const SWEEP_MS = 250;
/** The envelope's own attributes come before its data and are of known length. */
const ENVELOPE_BYTES = 512;
const TRACEPARENT = /^\{[^{]*"traceparent":"([0-9a-f-]{55})"/;

/**
 * Publishes deliveries to JetStream. One goes as a CloudEvent, with its id as message id; several as a JSON array of them
 * (CloudEvents JSON batch), with an id made of the first one's, the last one's and their number. Beside the library's own
 * publish, which makes a request with an Error, a timer and a promise of each message: here all acks come to one inbox.
 */
export class DeliveryStream {
  private readonly pending = new InFlight<Sent>();
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
    this.sweeper = setInterval(
      guarded('delivery-stream-sweep', () => this.sweep()),
      SWEEP_MS,
    ).unref();
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

  /** Where acks and failures are reported; set once, before the first `send`. */
  reportTo(receipts: Receipts): void {
    this.receipts = receipts;
  }

  /** Publishes one message. Exactly one receipt follows, a failure perhaps at once. */
  send(deliveries: readonly Delivery[], tag = 0): void {
    const { seq: first, key } = deliveries[0]!;
    const { seq: last, key: lastKey } = deliveries.at(-1)!;
    const sent: Sent = { first, last, key, tag, deadline: Date.now() + this.timeoutMs };
    // While disconnected the client would keep the message in memory and send it at any later time.
    if (!this.connected) return this.receipts?.failed(sent, new StreamUnavailable(SUBJECT));
    const token = this.nextToken++;
    const alone = deliveries.length === 1;
    const payload = alone ? deliveries[0]!.payload : arrayOf(deliveries);
    this.hdrs.set('Nats-Msg-Id', alone ? key : `${key}_${lastKey}_${deliveries.length}`);
    if (this.traced || telemetryOn()) this.carryTrace(payload);
    try {
      this.nc!.publish(SUBJECT, payload, { reply: this.inbox + token, headers: this.hdrs });
    } catch (error) {
      // Larger than the server takes, or the connection has just been closed.
      const failure = this.nc!.isClosed()
        ? new StreamUnavailable(SUBJECT)
        : new PublishRefused(SUBJECT, asError(error));
      return this.receipts?.failed(sent, failure);
    }
    this.pending.add(token, sent);
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
      nc.subscribe(`${this.inbox}*`, {
        callback: guarded('delivery-ack', (_error, reply) => this.onReply(reply)),
      });
      inBackground('delivery-stream-status', this.follow(nc));
    }
    for (const listener of this.listeners) listener();
  }

  /** Acks of what was sent before a disconnect went to nobody, so it is useless to wait for them. */
  private async follow(nc: NatsConnection): Promise<void> {
    for await (const { type } of nc.status()) if (type === 'disconnect') this.failAll('disconnected');
    this.failAll('closed');
  }

  /** From the event itself, so that what comes from the spool later carries its trace too. An array has none. */
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

  /** In the order of sending, so the oldest come first. */
  private sweep(): void {
    const now = Date.now();
    for (const [token, sent] of this.pending) {
      if (sent.deadline > now) return;
      this.pending.delete(token);
      this.receipts?.failed(sent, new StreamUnavailable(SUBJECT, { outcome: 'unknown' }));
    }
  }

  private failAll(why: string): void {
    for (const [token, sent] of this.pending) {
      this.pending.delete(token);
      this.receipts?.failed(sent, new StreamUnavailable(why, { outcome: 'unknown' }));
    }
  }
}

const OPEN = Buffer.from('[');
const COMMA = Buffer.from(',');
const CLOSE = Buffer.from(']');

const arrayOf = (deliveries: readonly Delivery[]): Buffer =>
  Buffer.concat([...deliveries.flatMap(({ payload }, i) => [i === 0 ? OPEN : COMMA, payload]), CLOSE]);

/** Why a reply is not an ack. A reply without a body carries status 503: no stream listens, so nobody stored it. */
export function failureIn(reply: Pick<Msg, 'data' | 'headers' | 'string'>): AppError | undefined {
  if (reply.data.length === 0) return new StreamUnavailable(SUBJECT);
  let ack: unknown;
  try {
    ack = JSON.parse(reply.string());
  } catch (cause) {
    return new StreamUnavailable(SUBJECT, { cause, outcome: 'unknown' });
  }
  const error = fieldOf(ack, 'error');
  if (error) {
    const description = fieldOf(error, 'description');
    const cause = new Error(typeof description === 'string' ? description : 'no reason given');
    return fieldOf(error, 'code') === 503
      ? new StreamUnavailable(SUBJECT, { cause })
      : new PublishRefused(SUBJECT, cause);
  }
  const stream = fieldOf(ack, 'stream');
  return typeof stream === 'string' && stream !== ''
    ? undefined
    : new StreamUnavailable(SUBJECT, { outcome: 'unknown' });
}

/** Undefined where there is no such field, or no object to have it. */
const fieldOf = (value: unknown, name: string): unknown => Reflect.get(Object(value) as object, name);

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));
