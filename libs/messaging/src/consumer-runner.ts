import { setTimeout as delay } from 'node:timers/promises';
import { AppError, type CloudEvent } from '@strowger/kernel';
import { counter, histogram, logger } from '@strowger/telemetry';
import type { DeadReason } from './dead-letters.js';
import { decodeEvent, decodeReceived } from './decode.js';
import type { ConsumerDefinition, HandlerEntry, Received } from './decorators.js';
import { Dedupe } from './dedupe.js';
import type { Durable, DurableSpec } from './durable.js';
import { describeError } from './errors.js';
import type { InboxTransaction } from './inbox.js';
import { Intake } from './intake.js';
import { Lanes, type LaneWork } from './lanes.js';
import type { Messaging } from './messaging.js';
import { Poison } from './poison.js';
import type { Publisher } from './publisher.js';
import { backoffMs, isAway, isRepeatable, whileAway } from './retry.js';
import { streamOf } from './streams.js';
import { signal, type Unsettled } from './unsettled.js';

interface Work extends LaneWork {
  entry: Unsettled;
  durable: Durable;
  event: CloudEvent;
}

const log = logger('messaging');
const handled = counter('strowger_consumed_total', 'Facts settled, by consumer and outcome.');
const seconds = histogram('strowger_consume_seconds', 'Time from start of handling to ack.');

/** A dependency away longer than this: the fact goes back to the server, so that another process may try. */
const HOLD_MS = 15 * 60_000;
const STALL_GIVE_BACK_MS = 1000;

/**
 * Runs one @Consumer. The parts it is made of: `Intake` has the messages, `Lanes` the order of each aggregate, `Dedupe`
 * the transaction of the effect, `retry` and `Poison` what happens to a fact that fails. Here each fact is settled.
 */
export class ConsumerRunner {
  private readonly intake: Intake;
  private readonly lanes: Lanes<Work>;
  private readonly dedupe: Dedupe;
  private readonly poison: Poison;
  private readonly handlers: Map<string, HandlerEntry>;
  private readonly stopping = new AbortController();
  /** A second, doubling to 30: ten deliveries take about 150 s. A consumer that tries less often also waits less. */
  private readonly firstRetryMs: number;

  constructor(
    messaging: Messaging,
    publisher: Publisher,
    inbox: InboxTransaction | undefined,
    private readonly definition: ConsumerDefinition,
    private readonly instance: object,
    entries: readonly HandlerEntry[],
  ) {
    const { concurrency = 8, maxDeliver = 10, handlerTimeoutSeconds = 120 } = definition.options;
    this.handlers = new Map(entries.map((entry) => [entry.contract.type, entry]));
    this.firstRetryMs = maxDeliver >= 10 ? 1000 : 100;
    this.dedupe = new Dedupe(this.name, inbox);
    this.poison = new Poison(publisher, this.name, maxDeliver);
    this.lanes = new Lanes<Work>({
      concurrency,
      most: (type) => this.handlers.get(type)?.most ?? 1,
      run: (works) => this.runOrStall(works),
    });
    this.intake = new Intake(
      messaging,
      durablesOf(definition, entries, concurrency),
      (entry, durable) => this.accept(entry, durable),
      { afterMs: handlerTimeoutSeconds * 1000, report: (entry) => this.reportStall(entry) },
    );
  }

  get name(): string {
    return this.definition.name;
  }
  get durables(): readonly Durable[] {
    return this.intake.durables;
  }

  idle(): Promise<boolean> {
    return this.intake.idle();
  }

  /** Stops pulling, hands back what has not begun, and waits for what has until the deadline. */
  async stop(deadlineMs: number): Promise<void> {
    this.stopping.abort();
    this.lanes.close();
    await this.intake.close();
    for (const { entry } of this.lanes.clear())
      if (entry.startedAt === undefined) this.intake.unsettled.settle(entry, (m) => m.nak());
    await Promise.race([this.lanes.quiet(), delay(deadlineMs, undefined, { ref: false })]);
    this.intake.unsettled.stop();
  }

  private accept(entry: Unsettled, durable: Durable): void {
    if (this.poison.kills(entry.message.info.deliveryCount)) return void this.giveUp(entry, 'too-many-deliveries');
    let event: CloudEvent;
    try {
      event = decodeEvent(entry.message.data);
    } catch (error) {
      return void this.giveUp(entry, 'unreadable', error);
    }
    this.lanes.add({ entry, durable, event, lane: event.subject, kind: event.type });
  }

  /** A stalled handler gives up its place; its redelivery would otherwise wait behind it for ever. */
  private runOrStall(works: readonly Work[]): Promise<void> {
    const stalled = new Promise<void>((resolve) => {
      for (const { entry } of works) entry.onStall = resolve;
    });
    return Promise.race([works.length === 1 ? this.process(works[0]!) : this.processMany(works), stalled]);
  }

  private async processMany(works: readonly Work[]): Promise<void> {
    for (const { entry } of works) entry.startedAt = Date.now();
    try {
      await this.handleMany(works);
    } catch (error) {
      if (!this.stopping.signal.aborted) {
        log.info({ consumer: this.name, facts: works.length, error: describeError(error) }, 'facts-one-by-one');
      }
      for (const work of works) await this.process(work);
    }
  }

  private async handleMany(works: readonly Work[]): Promise<void> {
    const handler = this.handlers.get(works[0]!.kind)!;
    const received = await Promise.all(works.map((work) => receivedOf(handler, work)));
    const stop = seconds.startTimer({ consumer: this.name });
    const fresh = await this.dedupe.many(
      works.map(({ event }) => event),
      works.some(({ entry }) => entry.message.redelivered),
      (ids) =>
        this.call(
          handler,
          received.filter(({ id }) => ids.has(id)),
        ),
    );
    stop();
    for (const { entry, event } of works) {
      this.intake.unsettled.settle(entry, (m) => m.ack());
      handled.inc({ consumer: this.name, outcome: fresh.has(event.id) ? 'handled' : 'duplicate' });
    }
  }

  private async process(work: Work): Promise<void> {
    const { entry } = work;
    entry.startedAt = Date.now();
    try {
      const handler = this.handlers.get(work.kind);
      if (!handler) return await this.unhandled(work);
      let received: Received;
      try {
        received = await receivedOf(handler, work);
      } catch (error) {
        return await this.giveUp(entry, 'invalid-data', error);
      }
      const stop = seconds.startTimer({ consumer: this.name });
      const outcome = await this.handle(handler, work, received);
      stop();
      this.intake.unsettled.settle(entry, (m) => m.ack());
      handled.inc({ consumer: this.name, outcome });
    } catch (error) {
      await this.failed(work, error);
    }
  }

  /** What is away is waited for here, with the fact held, so its aggregate's later facts wait too. */
  private handle(handler: HandlerEntry, { entry, event }: Work, received: Received): Promise<'handled' | 'duplicate'> {
    const heldSince = Date.now();
    const aborted = this.stopping.signal;
    return whileAway(
      () => {
        // The time limit is for one run of the handler, not for waiting.
        entry.startedAt = Date.now();
        return this.dedupe.once(event, received.redelivered, () =>
          this.call(handler, handler.most ? [received] : received),
        );
      },
      async (error, waitMs, attempt) => {
        if (entry.stalled || aborted.aborted || Date.now() + waitMs - heldSince > HOLD_MS) throw error;
        if (attempt % 10 === 0) {
          log.warn({ consumer: this.name, id: event.id, code: error.code, attempt }, 'consumer-waits');
        }
        entry.startedAt = undefined;
        await delay(waitMs, undefined, { signal: aborted }).catch(() => undefined);
        if (aborted.aborted) throw error;
      },
    );
  }

  private call({ method }: HandlerEntry, received: Received | Received[]): Promise<void> {
    return (this.instance as Record<string, (received: Received | Received[]) => Promise<void>>)[method]!(received);
  }

  /** No handler here. A type that a newer version handles is handed back to it, and parked if none comes. */
  private async unhandled({ entry, durable, event }: Work): Promise<void> {
    if (!(await durable.isDeclared(event.type))) {
      this.intake.unsettled.settle(entry, (m) => m.ack());
      return;
    }
    if (this.poison.isExhausted(entry.message.info.deliveryCount) || durable.spec.stream === 'REPLAY') {
      return await this.giveUp(entry, 'unknown-type');
    }
    this.intake.unsettled.settle(entry, (m) => m.nak(1000));
  }

  private async failed({ entry, event }: Work, thrown: unknown): Promise<void> {
    const error = AppError.wrap(thrown);
    const { deliveryCount } = entry.message.info;
    const ids = { consumer: this.name, id: event.id, type: event.type, kind: error.kind, deliveries: deliveryCount };
    if (isAway(error)) {
      // While stopping, another process takes over at once.
      const waitMs = this.stopping.signal.aborted ? 0 : (error.retryAfterSeconds ?? 5) * 1000;
      this.intake.unsettled.settle(entry, (m) => m.nak(waitMs));
      handled.inc({ consumer: this.name, outcome: 'returned' });
      return;
    }
    if (!isRepeatable(error)) return await this.giveUp(entry, 'refused', error);
    if (this.poison.isExhausted(deliveryCount)) return await this.giveUp(entry, 'attempts-exhausted', error);
    log[ids.kind === 'internal' ? 'error' : 'warn']({ ...ids, error: describeError(error) }, 'consumer-failed');
    this.intake.unsettled.settle(entry, (m) => m.nak(backoffMs(deliveryCount - 1, this.firstRetryMs, 30_000)));
    handled.inc({ consumer: this.name, outcome: 'retried' });
  }

  private async giveUp(entry: Unsettled, reason: DeadReason, error?: unknown): Promise<void> {
    entry.startedAt = undefined;
    try {
      await this.poison.remove(entry.message, reason, error);
      this.intake.unsettled.settle(entry, (m) => m.term());
      handled.inc({ consumer: this.name, outcome: 'dead' });
    } catch (failure) {
      // Not stored as a dead letter, so it must stay in the stream.
      log.warn({ consumer: this.name, error: describeError(failure) }, 'dead-letter-not-stored');
      this.intake.unsettled.settle(entry, (m) => m.nak(2000));
    }
  }

  /** The handler cannot be stopped from outside; should it still commit, the inbox makes the redelivery a duplicate. */
  private reportStall(entry: Unsettled): void {
    log.error(
      { consumer: this.name, sequence: entry.message.seq, stream: entry.message.info.stream },
      'consumer-stalled',
    );
    handled.inc({ consumer: this.name, outcome: 'stalled' });
    signal(() => entry.message.nak(STALL_GIVE_BACK_MS));
  }
}

const receivedOf = (handler: HandlerEntry, { entry, event }: Work): Promise<Received> =>
  decodeReceived(handler.contract, event, entry.message.redelivered);

/** One durable per owner's stream, and one for this consumer's replayed dead letters. */
function durablesOf(
  { name, options }: ConsumerDefinition,
  handlers: readonly HandlerEntry[],
  concurrency: number,
): DurableSpec[] {
  const byStream = Map.groupBy(
    handlers.map(({ contract }) => contract.type),
    streamOf,
  );
  const most = Math.max(...handlers.map((handler) => handler.most ?? 0));
  const base = {
    ackWaitSeconds: options.ackWaitSeconds ?? 10,
    maxAckPending: 1000,
    prefetch: Math.max(concurrency * 8, 32, 2 * most),
  };
  const facts = [...byStream].map(([stream, types]) => ({
    ...base,
    stream,
    durable: byStream.size === 1 ? name : `${name}-${stream.toLowerCase()}`,
    types,
    retired: options.retired,
    deliver: options.deliver ?? 'all',
  }));
  const replay = { ...base, stream: 'REPLAY', durable: name, types: [], filter: `replay.${name}` };
  return [...facts, { ...replay, deliver: 'all' }];
}
