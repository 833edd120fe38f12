import { setTimeout as delay } from 'node:timers/promises';
import type { JsMsg } from '@nats-io/jetstream';
import { AppError } from '@strowger/kernel';
import { counter, histogram, logger, withTraceparent } from '@strowger/telemetry';
import { partsOf, type Part } from './batch-parts.js';
import type { DeadReason } from './dead-letters.js';
import type { BatchConsumerDefinition, BatchHandler, RawMessage } from './decorators.js';
import type { Durable } from './durable.js';
import { describeError } from './errors.js';
import { Intake } from './intake.js';
import type { Messaging } from './messaging.js';
import { Poison } from './poison.js';
import type { Publisher } from './publisher.js';
import { backoffMs, isAway, isRepeatable, whileAway } from './retry.js';
import type { Unsettled } from './unsettled.js';

const log = logger('messaging');
const consumed = counter('strowger_batch_messages_total', 'Events settled by batch consumers, by outcome.');
const sizes = histogram('strowger_batch_size', 'Events per batch.', [1, 2, 5, 10, 20, 50, 100, 200, 500]);

/** Messages asked for at once. */
const PREFETCH = 500;
/** What bounds memory: a message counts as consumed when it is taken into the buffer, and may hold 128 KiB of events. */
const MAX_UNACKED = 1000;

/**
 * Runs one @BatchConsumer with natural batching: all that has arrived while the last batch was worked on is the next
 * one, so a lone message waits for nothing and a backlog goes 500 events at a time. One batch in flight keeps the order.
 * A message is acked when all its events are settled. (Not the kernel's `Batched`: what has not begun when the process
 * stops goes back to the server.)
 */
export class BatchRunner {
  private readonly intake: Intake;
  private readonly poison: Poison;
  private buffer: { entry: Unsettled; deaths: number }[] = [];
  private working?: Promise<void>;
  private readonly stopping = new AbortController();
  private readonly maxBatch: number;

  constructor(
    messaging: Messaging,
    publisher: Publisher,
    private readonly definition: BatchConsumerDefinition,
    private readonly handler: BatchHandler,
  ) {
    const { stream, filter, maxBatch = 500, maxDeliver = 5, ackWaitSeconds = 5, deliver = 'all' } = definition.options;
    this.maxBatch = maxBatch;
    this.poison = new Poison(publisher, this.name, maxDeliver);
    const base = {
      types: [],
      ackWaitSeconds,
      maxAckPending: MAX_UNACKED,
      prefetch: PREFETCH,
      deliver,
      durable: this.name,
    };
    const specs = [
      { ...base, stream, filter, exclusive: true },
      { ...base, stream: 'REPLAY', filter: `replay.${this.name}`, prefetch: 100, deliver: 'all' as const },
    ];
    this.intake = new Intake(
      messaging,
      specs,
      (entry, durable) => this.accept(entry, durable),
      undefined,
      () => this.drop(),
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

  async stop(deadlineMs: number): Promise<void> {
    this.stopping.abort();
    await this.intake.close();
    for (const { entry } of this.buffer.splice(0)) this.intake.unsettled.settle(entry, (m) => m.nak());
    await Promise.race([this.working, delay(deadlineMs, undefined, { ref: false })]);
    await this.intake.release();
    this.intake.unsettled.stop();
  }

  private accept(entry: Unsettled, durable: Durable): void {
    this.buffer.push({ entry, deaths: durable.deathsWith(entry.seq) });
    if (!this.working && this.buffer.length === 1) setImmediate(() => this.kick());
  }

  /** Another process reads the stream now, from where the acks end. What is under way ends here too, as a repeat. */
  private drop(): void {
    for (const { entry } of this.buffer.splice(0)) this.intake.unsettled.settle(entry, () => undefined);
  }

  private kick(): void {
    if (this.working || this.buffer.length === 0 || this.stopping.signal.aborted) return;
    const batch: Part[] = [];
    let taken = 0;
    while (taken < this.buffer.length && batch.length < this.maxBatch) {
      const { entry, deaths } = this.buffer[taken++]!;
      batch.push(...partsOf(entry, deaths));
    }
    this.buffer.splice(0, taken);
    sizes.observe({ consumer: this.name }, batch.length);
    this.working = this.handleAll(batch).finally(() => {
      this.working = undefined;
      this.kick();
    });
  }

  private async handleAll(batch: Part[]): Promise<void> {
    try {
      const crashers = batch.filter(({ raw }) => this.poison.kills(raw.deliveries));
      for (const part of crashers) await this.giveUp(part, 'too-many-deliveries');
      await this.handle(crashers.length === 0 ? batch : batch.filter((part) => !crashers.includes(part)));
    } catch (error) {
      // Reached only while stopping: what is left goes to the process that runs next.
      log.info({ consumer: this.name, messages: batch.length, error: describeError(error) }, 'batch-returned');
    }
  }

  private async handle(batch: Part[]): Promise<void> {
    if (batch.length === 0) return;
    const error = await this.attempt(batch);
    if (error === undefined) return;
    if (batch.length > 1) {
      // One bad message must not hold back 499 good ones: halves, in order, down to the bad one.
      const half = batch.length >> 1;
      await this.handle(batch.slice(0, half));
      return await this.handle(batch.slice(half));
    }
    await this.settleOne(batch[0]!, error);
  }

  /** Undefined when handled and acked. What is away is waited for with the batch held, so the order stays. */
  private async attempt(batch: Part[]): Promise<AppError | undefined> {
    try {
      await whileAway(
        () => this.call(batch.map(({ raw }) => raw)),
        async (error, waitMs, attempt) => {
          if (attempt % 10 === 0) log.warn({ consumer: this.name, code: error.code, attempt }, 'batch-waits');
          await this.pause(waitMs, batch, error);
        },
      );
    } catch (error) {
      if (isAway(error)) throw error;
      return AppError.wrap(error);
    }
    for (const part of batch) this.settle(part, (m) => m.ack());
    consumed.inc({ consumer: this.name, outcome: 'handled' }, batch.length);
    return undefined;
  }

  /** A lone message continues its trace; a batch is a trace of its own that links to each of its messages. */
  private call(messages: RawMessage[]): Promise<void> {
    const links = messages.map((message) => message.traceparent);
    const [parent] = messages.length === 1 ? links : [];
    const options = { kind: 'consumer', links: parent ? [] : links } as const;
    const attributes = { 'messaging.batch.message_count': messages.length };
    return withTraceparent(
      parent,
      `consume ${this.name}`,
      async () => this.handler.handleBatch(messages),
      attributes,
      options,
    );
  }

  private async settleOne(part: Part, error: AppError): Promise<void> {
    let last: AppError | undefined = error;
    const again = isRepeatable(error);
    for (let tries = part.raw.deliveries; again && last && !this.poison.isExhausted(tries); tries++) {
      log.error(
        { consumer: this.name, sequence: part.raw.sequence, error: describeError(last) },
        'batch-message-failed',
      );
      await this.pause(backoffMs(tries - 1, 100, 2000), [part], last);
      last = await this.attempt([part]);
    }
    if (last) await this.giveUp(part, again ? 'attempts-exhausted' : 'refused', last);
  }

  private async pause(ms: number, held: Part[], error: AppError): Promise<void> {
    await delay(ms, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    if (!this.stopping.signal.aborted) return;
    for (const entry of new Set(held.map((part) => part.of.entry))) this.intake.unsettled.settle(entry, (m) => m.nak());
    throw error;
  }

  private settle({ of }: Part, how: (message: JsMsg) => void): void {
    if (--of.left === 0) this.intake.unsettled.settle(of.entry, how);
  }

  /** Tried until the dead letter is stored: handing it back would break the order for nothing. */
  private async giveUp(part: Part, reason: DeadReason, error?: AppError): Promise<void> {
    const { index, raw, of } = part;
    const own = index === undefined ? undefined : { index, bytes: Buffer.from(JSON.stringify(raw.json())) };
    for (let attempt = 0; ; attempt++) {
      try {
        await this.poison.remove(of.entry.message, reason, error, own);
        this.settle(part, (m) => m.term());
        consumed.inc({ consumer: this.name, outcome: 'dead' });
        return;
      } catch (failure) {
        await this.pause(backoffMs(attempt, 200, 5000), [part], AppError.wrap(failure));
      }
    }
  }
}
