import { setTimeout as delay } from 'node:timers/promises';
import type { JsMsg } from '@nats-io/jetstream';
import { AppError, type CloudEvent } from '@strowger/kernel';
import { counter, histogram, logger, withTraceparent } from '@strowger/telemetry';
import { bury, type DeadReason } from './dead-letters.js';
import { decodeData, decodeEvent } from './decode.js';
import type { ConsumerDefinition, HandlerEntry, Received } from './decorators.js';
import { Durable } from './durable.js';
import { describeError } from './errors.js';
import type { InboxTransaction } from './inbox.js';
import type { Messaging } from './messaging.js';
import type { Publisher } from './publisher.js';
import { streamOf } from './streams.js';
import { tell, UnsettledMessages, type Unsettled } from './unsettled.js';

interface Work {
  entry: Unsettled;
  durable: Durable;
  event: CloudEvent;
}

const log = logger('messaging');
const handled = counter('strowger_consumed_total', 'Facts settled, by consumer and outcome.');
const seconds = histogram('strowger_consume_seconds', 'Time from start of handling to ack.');

/** Deliveries beyond `maxDeliver` that only crashes and restarts explain: the fact kills whoever handles it. */
const CRASH_ALLOWANCE = 20;
/** A dependency away longer than this: the fact goes back to the server, so that another process may try. */
const HOLD_MS = 15 * 60_000;
const STALL_GIVE_BACK_MS = 1000;

/** Runs one @Consumer: lanes by aggregate, validation, inbox transaction, ack by error kind, dead letters. */
export class ConsumerRunner {
  readonly durables: Durable[];
  private readonly unsettled: UnsettledMessages;
  private readonly lanes = new Map<string, Work[]>();
  private readonly ready: string[] = [];
  private readonly handlers: Map<string, HandlerEntry>;
  private readonly stopping = new AbortController();
  private readonly concurrency: number;
  private readonly maxDeliver: number;
  private active = 0;
  private quiet?: () => void;

  constructor(
    private readonly messaging: Messaging,
    private readonly publisher: Publisher,
    private readonly inbox: InboxTransaction | undefined,
    private readonly definition: ConsumerDefinition,
    private readonly instance: object,
    entries: readonly HandlerEntry[],
  ) {
    const { concurrency = 8, maxDeliver = 10, ackWaitSeconds = 10, handlerTimeoutSeconds = 120 } = definition.options;
    this.concurrency = concurrency;
    this.maxDeliver = maxDeliver;
    this.handlers = new Map(entries.map((entry) => [entry.contract.type, entry]));
    this.unsettled = new UnsettledMessages(ackWaitSeconds, {
      afterMs: handlerTimeoutSeconds * 1000,
      report: (entry) => this.reportStall(entry),
    });
    this.durables = this.subscribe(ackWaitSeconds);
  }

  get name(): string {
    return this.definition.name;
  }

  async idle(): Promise<boolean> {
    if (this.unsettled.size > 0) return false;
    for (const durable of this.durables) if (await durable.hasWork()) return false;
    return true;
  }

  /** Stops pulling, hands back what has not begun, and waits for what has until the deadline. */
  async stop(deadlineMs: number): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.durables.map((durable) => durable.stop()));
    for (const lane of this.lanes.values()) {
      for (const { entry } of lane) if (entry.startedAt === undefined) this.unsettled.settle(entry, (m) => m.nak());
    }
    this.lanes.clear();
    this.ready.length = 0;
    if (this.active > 0) {
      const quiet = new Promise<void>((resolve) => (this.quiet = resolve));
      await Promise.race([quiet, delay(deadlineMs, undefined, { ref: false })]);
    }
    this.unsettled.stop();
  }

  /** One durable per owner's stream, and one for this consumer's replayed dead letters. */
  private subscribe(ackWaitSeconds: number): Durable[] {
    const { name, options } = this.definition;
    const byStream = Map.groupBy(this.handlers.keys(), streamOf);
    const most = Math.max(...[...this.handlers.values()].map((handler) => handler.most ?? 0));
    const base = { ackWaitSeconds, maxAckPending: 1000, prefetch: Math.max(this.concurrency * 8, 32, 2 * most) };
    const facts = [...byStream].map(([stream, types]) => ({
      ...base,
      stream,
      durable: byStream.size === 1 ? name : `${name}-${stream.toLowerCase()}`,
      types,
      retired: options.retired,
      deliver: options.deliver ?? 'all',
    }));
    const replay = {
      ...base,
      stream: 'REPLAY',
      durable: name,
      types: [],
      filter: `replay.${name}`,
      deliver: 'all' as const,
    };
    return [...facts, replay].map((spec) => new Durable(this.messaging, spec, (m, durable) => this.accept(m, durable)));
  }

  private accept(message: JsMsg, durable: Durable): void {
    const entry = this.unsettled.add(message);
    if (!entry) return;
    if (message.info.deliveryCount > this.maxDeliver + CRASH_ALLOWANCE) {
      return void this.giveUp(entry, 'too-many-deliveries');
    }
    let event: CloudEvent;
    try {
      event = decodeEvent(message.data);
    } catch (error) {
      return void this.giveUp(entry, 'unreadable', error);
    }
    const lane = this.lanes.get(event.subject);
    if (lane) lane.push({ entry, durable, event });
    else {
      this.lanes.set(event.subject, [{ entry, durable, event }]);
      this.ready.push(event.subject);
    }
    this.schedule();
  }

  private schedule(): void {
    while (this.active < this.concurrency && !this.stopping.signal.aborted) {
      const key = this.ready.shift();
      const lane = key === undefined ? undefined : this.lanes.get(key);
      const work = lane?.[0];
      if (key === undefined || !lane || !work) return;
      this.active++;
      const works = [work, ...this.alike(work)];
      // A stalled handler gives up its place; its redelivery would otherwise wait behind it for ever.
      const stalled = new Promise<void>((resolve) => {
        for (const { entry } of works) entry.onStall = resolve;
      });
      const done = works.length === 1 ? this.process(work) : this.processMany(works);
      void Promise.race([done, stalled]).finally(() => {
        this.active--;
        for (const { event } of works) this.leave(event.subject);
        if (this.active === 0) this.quiet?.();
        this.schedule();
      });
    }
  }

  /** What else is ready and may be handled together with this one: facts of the same type, each first in its lane. */
  private alike({ event }: Work): Work[] {
    const most = this.handlers.get(event.type)?.most ?? 1;
    const works: Work[] = [];
    for (let at = 0; at < this.ready.length && works.length < most - 1;) {
      const other = this.lanes.get(this.ready[at]!)?.[0];
      if (other?.event.type === event.type) {
        works.push(other);
        this.ready.splice(at, 1);
      } else at++;
    }
    return works;
  }

  /** The first of the lane is through. */
  private leave(key: string): void {
    const lane = this.lanes.get(key);
    if (!lane) return;
    lane.shift();
    if (lane.length === 0) this.lanes.delete(key);
    else this.ready.push(key);
  }

  private async processMany(works: readonly Work[]): Promise<void> {
    for (const { entry } of works) entry.startedAt = Date.now();
    try {
      await this.attemptMany(works);
    } catch (error) {
      if (!this.stopping.signal.aborted) {
        log.info({ consumer: this.name, facts: works.length, error: describeError(error) }, 'facts-one-by-one');
      }
      for (const work of works) await this.process(work);
    }
  }

  private async attemptMany(works: readonly Work[]): Promise<void> {
    const { event: first } = works[0]!;
    const handler = this.handlers.get(first.type)!;
    const runMany = this.inbox?.runMany?.bind(this.inbox);
    if (!runMany) throw new Error('this inbox takes one fact at a time');
    const received = await Promise.all(works.map((work) => this.receivedOf(handler, work)));
    const method = (this.instance as Record<string, (received: Received[]) => Promise<void>>)[handler.method]!;
    const stop = seconds.startTimer({ consumer: this.name });
    const attributes = { 'messaging.consumer': this.name, 'messaging.batch.message_count': works.length };
    const fresh = await withTraceparent(
      first.traceparent,
      `consume ${first.type}`,
      () =>
        runMany(
          this.name,
          works.map(({ event }) => event),
          (ids) =>
            method.call(
              this.instance,
              received.filter(({ id }) => ids.has(id)),
            ),
        ),
      attributes,
      { kind: 'consumer', linked: works.some(({ entry }) => entry.message.redelivered) },
    );
    stop();
    for (const { entry, event } of works) {
      this.unsettled.settle(entry, (m) => m.ack());
      handled.inc({ consumer: this.name, outcome: fresh.has(event.id) ? 'handled' : 'duplicate' });
    }
  }

  private async process(work: Work): Promise<void> {
    const { entry, event } = work;
    entry.startedAt = Date.now();
    try {
      const handler = this.handlers.get(event.type);
      if (!handler) return await this.unhandled(work);
      let received: Received;
      try {
        received = await this.receivedOf(handler, work);
      } catch (error) {
        return await this.giveUp(entry, 'invalid-data', error);
      }
      const stop = seconds.startTimer({ consumer: this.name });
      const outcome = await this.attempt(handler, event, received, entry);
      stop();
      this.unsettled.settle(entry, (m) => m.ack());
      handled.inc({ consumer: this.name, outcome });
    } catch (error) {
      await this.failed(entry, event, error);
    }
  }

  private async receivedOf(handler: HandlerEntry, { entry, event }: Work): Promise<Received> {
    const data = await decodeData(handler.contract, event);
    return {
      data,
      id: event.id,
      sequence: event.sequence,
      subject: event.subject,
      ...(event.tenantid ? { tenantId: event.tenantid } : {}),
      time: new Date(event.time),
      event: event as CloudEvent<object>,
      redelivered: entry.message.redelivered,
    };
  }

  /** What is away is waited for here, with the fact held, so its aggregate's later facts wait too. */
  private async attempt(
    handler: HandlerEntry,
    event: CloudEvent,
    received: Received,
    entry: Unsettled,
  ): Promise<'handled' | 'duplicate'> {
    const heldSince = Date.now();
    for (let attempt = 0; ; attempt++) {
      // The time limit is for one run of the handler, not for waiting.
      entry.startedAt = Date.now();
      try {
        return await this.run(handler, event, received);
      } catch (error) {
        if (!(error instanceof AppError) || (error.kind !== 'unavailable' && error.kind !== 'rate-limited'))
          throw error;
        const waitMs = error.retryAfterSeconds ? error.retryAfterSeconds * 1000 : backoffMs(attempt, 100, 5000);
        if (entry.stalled || this.stopping.signal.aborted || Date.now() + waitMs - heldSince > HOLD_MS) throw error;
        if (attempt % 10 === 0) {
          log.warn({ consumer: this.name, id: event.id, code: error.code, attempt }, 'consumer-waits');
        }
        entry.startedAt = undefined;
        await delay(waitMs, undefined, { signal: this.stopping.signal }).catch(() => undefined);
        if (this.stopping.signal.aborted) throw error;
      }
    }
  }

  private run(handler: HandlerEntry, event: CloudEvent, received: Received): Promise<'handled' | 'duplicate'> {
    const method = (this.instance as Record<string, (received: Received | Received[]) => Promise<void>>)[
      handler.method
    ]!;
    const handle = async (): Promise<void> => method.call(this.instance, handler.most ? [received] : received);
    const attributes = { 'messaging.consumer': this.name, 'messaging.message.id': event.id };
    // A redelivery is a new span linked to the first, so that the trace of the first try stays readable.
    const options = { kind: 'consumer', linked: received.redelivered } as const;
    return withTraceparent(
      event.traceparent,
      `consume ${event.type}`,
      async () => {
        if (this.inbox) return await this.inbox.run(this.name, event, handle);
        await handle();
        return 'handled' as const;
      },
      attributes,
      options,
    );
  }

  /** No handler here. A type that a newer version handles is handed back to it, and parked if none comes. */
  private async unhandled({ entry, durable, event }: Work): Promise<void> {
    if (!(await durable.isDeclared(event.type))) {
      this.unsettled.settle(entry, (m) => m.ack());
      return;
    }
    if (entry.message.info.deliveryCount >= this.maxDeliver || durable.spec.stream === 'REPLAY') {
      return await this.giveUp(entry, 'unknown-type');
    }
    this.unsettled.settle(entry, (m) => m.nak(1000));
  }

  private async failed(entry: Unsettled, event: CloudEvent, thrown: unknown): Promise<void> {
    const error = AppError.wrap(thrown);
    const { deliveryCount } = entry.message.info;
    const ids = { consumer: this.name, id: event.id, type: event.type, kind: error.kind, deliveries: deliveryCount };
    switch (error.kind) {
      case 'unavailable':
      case 'rate-limited':
        // While stopping, another process takes over at once.
        this.unsettled.settle(entry, (m) =>
          m.nak(this.stopping.signal.aborted ? 0 : (error.retryAfterSeconds ?? 5) * 1000),
        );
        handled.inc({ consumer: this.name, outcome: 'returned' });
        return;
      case 'not-found':
      case 'internal':
        if (deliveryCount >= this.maxDeliver) return await this.giveUp(entry, 'attempts-exhausted', error);
        log[error.kind === 'internal' ? 'error' : 'warn']({ ...ids, error: describeError(error) }, 'consumer-failed');
        this.unsettled.settle(entry, (m) => m.nak(backoffMs(deliveryCount - 1, this.firstRetryMs, 30_000)));
        handled.inc({ consumer: this.name, outcome: 'retried' });
        return;
      default:
        return await this.giveUp(entry, 'refused', error);
    }
  }

  /** A second, doubling to 30: ten deliveries take about 150 s. A consumer that tries less often also waits less. */
  private get firstRetryMs(): number {
    return this.maxDeliver >= 10 ? 1000 : 100;
  }

  private async giveUp(entry: Unsettled, reason: DeadReason, error?: unknown): Promise<void> {
    entry.startedAt = undefined;
    try {
      const kind = error instanceof AppError ? error.kind : undefined;
      await bury(this.publisher, this.name, entry.message, { reason, error, kind });
      this.unsettled.settle(entry, (m) => m.term());
      handled.inc({ consumer: this.name, outcome: 'dead' });
    } catch (failure) {
      // Not stored as a dead letter, so it must stay in the stream.
      log.warn({ consumer: this.name, error: describeError(failure) }, 'dead-letter-not-stored');
      this.unsettled.settle(entry, (m) => m.nak(2000));
    }
  }

  /** The handler cannot be stopped from outside; should it still commit, the inbox makes the redelivery a duplicate. */
  private reportStall(entry: Unsettled): void {
    log.error(
      { consumer: this.name, sequence: entry.message.seq, stream: entry.message.info.stream },
      'consumer-stalled',
    );
    handled.inc({ consumer: this.name, outcome: 'stalled' });
    tell(() => entry.message.nak(STALL_GIVE_BACK_MS));
  }
}

/** Doubling with up to a fifth of jitter. */
export function backoffMs(attempt: number, firstMs: number, mostMs: number): number {
  return Math.round(Math.min(firstMs * 2 ** Math.min(attempt, 20), mostMs) * (0.9 + Math.random() * 0.2));
}
