import { setTimeout as delay } from 'node:timers/promises';
import {
  AckPolicy,
  DeliverPolicy,
  JetStreamApiError,
  type ConsumerConfig,
  type ConsumerInfo,
  type ConsumerMessages,
  type JsMsg,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/nats-core';
import { counter, guarded, inBackground, logger } from '@strowger/telemetry';
import { Lease, type LeaseNote } from './lease.js';
import type { Messaging } from './messaging.js';

export interface DurableSpec {
  stream: string;
  durable: string;
  /** Types the running version handles; the filter comes from them. Empty: `filter` is used as given. */
  types: readonly string[];
  retired?: readonly string[];
  filter?: string;
  ackWaitSeconds: number;
  maxAckPending: number;
  /** Most messages the server may have on the way to this process. */
  prefetch: number;
  deliver: 'all' | 'new';
  /**
   * One process at a time pulls, by a lease, and each begins where the acks of the last one end: so the order of the
   * stream is kept whatever happens to whom. What the last one had not acked comes again, and so may what it had.
   */
  exclusive?: boolean;
}

const log = logger('messaging');
const restarts = counter('strowger_consumer_recoveries_total', 'Consumers found missing or stalled and started again.');
const NOTE = 'handles ';

/**
 * One durable pull consumer of one stream. nats-server 2.9 takes a single filter subject, so it is the longest common
 * prefix of the handled types: one durable keeps a stream's order across types, which one durable per type would not.
 *
 * The durable's description keeps the union of the types any version ever handled. An older process that shares the
 * durable during a rolling restart therefore knows that a type it has no handler for is somebody's work, and hands it
 * back instead of acking it.
 */
export class Durable {
  private messages?: ConsumerMessages;
  private declared = new Set<string>();
  private stopped = false;
  private readonly lease?: Lease;
  /** Of the holder before, when this one took over: what it left comes first, and how often that was tried. */
  private inherited?: LeaseNote & { until: number };
  /** The lease was gained, and where to begin has not been settled yet. */
  private gained?: { note: LeaseNote; died: boolean };
  private starting?: Promise<void>;
  private readonly offConnected: () => void;
  private readonly abort = new AbortController();
  private readonly running = Promise.withResolvers<void>();

  constructor(
    private readonly messaging: Messaging,
    readonly spec: DurableSpec,
    private readonly onMessage: (message: JsMsg, durable: Durable) => void,
    private readonly onLost: () => void = () => undefined,
  ) {
    if (spec.exclusive)
      this.lease = new Lease(
        messaging,
        spec.durable,
        (note, died) => {
          this.gained = { note, died };
          inBackground('consumer-start', this.ensureRunning());
        },
        () => this.lost(),
      );
    this.offConnected = messaging.onConnected(guarded('consumer-start', () => this.ensureRunning()));
  }

  /** Resolves once messages are being pulled. */
  started(): Promise<void> {
    return this.running.promise;
  }

  /** True when a version of this service handles the type, going by what the server has on record now. */
  async isDeclared(type: string): Promise<boolean> {
    if (this.spec.types.length === 0 || this.declared.has(type)) return true;
    const info = await this.messaging.jsm.consumers.info(this.spec.stream, this.spec.durable);
    this.declared = union(typesIn(info.config.description), this.spec);
    return this.declared.has(type);
  }

  async hasWork(): Promise<boolean> {
    const info = await this.infoOf();
    // Gone, or being made again at this moment.
    return info === undefined || info.num_pending > 0 || info.num_ack_pending > 0;
  }

  /** How often processes died with this message, as far as the server's own count doesn't say. */
  deathsWith(sequence: number): number {
    return this.inherited && sequence <= this.inherited.until ? this.inherited.deaths : 0;
  }

  /** For when what was handed over is settled: lets another process pull. */
  async release(): Promise<void> {
    // The acks are on their way; the next holder must find them.
    if (this.lease?.isHeld && this.messaging.connected) await this.messaging.nc.flush().catch(() => undefined);
    await this.lease?.stop();
  }

  /** Stops pulling; what has been handed over stays with the runner. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.abort.abort();
    this.offConnected();
    this.running.resolve();
    const messages = this.messages;
    this.messages = undefined;
    await messages?.close();
  }

  private ensureRunning(): Promise<void> {
    return (this.starting ??= this.run().finally(() => {
      this.starting = undefined;
      // Gained while the last look was ending.
      if (this.gained && this.lease?.isHeld && !this.stopped) inBackground('consumer-start', this.ensureRunning());
    }));
  }

  private async run(): Promise<void> {
    for (let attempt = 0; !this.stopped; attempt++) {
      // Standing by counts as started: the process is ready to take over.
      if (this.lease && !this.lease.isHeld) return this.running.resolve();
      try {
        const made = this.gained ? await this.takeOver(this.gained) : await this.ensureConsumer();
        if (this.stopped || (this.lease && !this.lease.isHeld)) continue;
        // The library would find a new consumer only after its pull has run out.
        if (made) inBackground('consumer-replaced', this.replaceMessages());
        if (!this.messages) await this.consume();
        this.running.resolve();
        return;
      } catch (error) {
        if (!this.messaging.connected) return;
        log.warn({ consumer: this.spec.durable, reason: String(error) }, 'consumer-not-started');
        await delay(Math.min(100 * 2 ** attempt, 5000), undefined, { signal: this.abort.signal }).catch(
          () => undefined,
        );
      }
    }
  }

  private async replaceMessages(): Promise<void> {
    const old = this.messages;
    this.messages = undefined;
    await old?.close();
  }

  /** True when the consumer was not there, or had to be made again. */
  private async ensureConsumer(): Promise<boolean> {
    const { stream, durable } = this.spec;
    const { jsm } = this.messaging;
    const found = await this.infoOf();
    this.declared = union(typesIn(found?.config.description), this.spec);
    const wanted = this.configOf();
    if (!found) {
      const { from = 0 } = this.inherited ?? {};
      await jsm.consumers.add(stream, { ...wanted, ...startAt(from) });
      return true;
    }
    const { config } = found;
    const drift = DRIFTABLE.filter((key) => (config[key] ?? '') !== (wanted[key] ?? ''));
    if (drift.length === 0) return false;
    log.warn({ consumer: durable, fields: drift }, 'consumer-drift');
    if (!drift.includes('filter_subject')) {
      // Where it began reading is fixed when it is made; the server refuses to change it.
      await jsm.consumers.update(stream, durable, {
        ...config,
        ...Object.fromEntries(drift.map((key) => [key, wanted[key]])),
      });
      return false;
    }
    // nats-server 2.9 accepts another filter and goes on delivering by the old one, so the consumer is made again where
    // its acks end. What lies acked beyond that comes a second time, and the inbox knows it.
    await jsm.consumers.delete(stream, durable);
    await jsm.consumers.add(stream, { ...wanted, ...startAt(found.ack_floor.stream_seq + 1) });
    return true;
  }

  private configOf(): Partial<ConsumerConfig> {
    const { durable, filter, ackWaitSeconds, maxAckPending, deliver } = this.spec;
    const types = [...this.declared].sort();
    return {
      durable_name: durable,
      ...(types.length > 0 ? { description: NOTE + types.join(' ') } : {}),
      ack_policy: AckPolicy.Explicit,
      deliver_policy: deliver === 'new' ? DeliverPolicy.New : DeliverPolicy.All,
      ack_wait: nanos(ackWaitSeconds * 1000),
      // The runner counts: at the server's limit a message would stop coming without becoming a dead letter.
      max_deliver: -1,
      max_ack_pending: maxAckPending,
      filter_subject: filter ?? commonFilter(types),
    };
  }

  /**
   * Makes the consumer again where its acks end. The server would redeliver what the last holder had in the order in which
   * its ack waits end, with newer messages in between, and only when they end.
   */
  private async takeOver(gained: { note: LeaseNote; died: boolean }): Promise<true> {
    const { stream, durable } = this.spec;
    const { jsm } = this.messaging;
    const found = await this.infoOf();
    const from = found ? found.ack_floor.stream_seq + 1 : gained.note.from;
    const deaths = gained.died && from === gained.note.from ? gained.note.deaths + 1 : 0;
    this.inherited = { from, deaths, until: found?.delivered.stream_seq ?? 0 };
    // First, so that a process which dies before the consumer is there again leaves word of where it was.
    await this.lease!.leave({ from, deaths });
    this.declared = union(typesIn(found?.config.description), this.spec);
    if (found) await jsm.consumers.delete(stream, durable);
    await jsm.consumers.add(stream, { ...this.configOf(), ...startAt(from) });
    if (this.gained === gained) this.gained = undefined;
    return true;
  }

  private lost(): void {
    this.gained = undefined;
    inBackground('consumer-stop', this.replaceMessages());
    this.onLost();
  }

  private async infoOf(): Promise<ConsumerInfo | undefined> {
    try {
      return await this.messaging.jsm.consumers.info(this.spec.stream, this.spec.durable);
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.status !== 404) throw error;
      return undefined;
    }
  }

  private async consume(): Promise<void> {
    const consumer = await this.messaging.js.consumers.get(this.spec.stream, this.spec.durable);
    const messages = await consumer.consume({
      max_messages: this.spec.prefetch,
      // Two missed heartbeats of half of this are a stall, so it is found within ten seconds.
      expires: 10_000,
      // A message that isn't taken comes again.
      callback: guarded('consumer-message', (message) => {
        if (this.stopped) message.nak();
        // Without the lease the message is another process's by now.
        else if (!this.lease || this.lease.isHeld) this.onMessage(message, this);
      }),
    });
    if (this.stopped) return void messages.close();
    this.messages = messages;
    inBackground('consumer-status', this.supervise(messages));
  }

  /** The library keeps pulling from a consumer that is gone; somebody has to make it again. */
  private async supervise(messages: ConsumerMessages): Promise<void> {
    for await (const status of messages.status()) {
      if (['consumer_not_found', 'consumer_deleted', 'stream_not_found'].includes(status.type)) {
        if (this.stopped) return;
        restarts.inc({ consumer: this.spec.durable });
        log.warn({ consumer: this.spec.durable, stream: this.spec.stream }, 'consumer-missing');
        if (this.messaging.connected) await this.ensureRunning();
      }
    }
    if (this.stopped || this.messages !== messages) return;
    this.messages = undefined;
    restarts.inc({ consumer: this.spec.durable });
    if (this.messaging.connected) await this.ensureRunning();
  }
}

const DRIFTABLE = ['description', 'ack_wait', 'max_deliver', 'max_ack_pending', 'filter_subject'] as const;

/** Nothing for a stream that has not been read yet: it begins as its consumer wants. */
const startAt = (sequence: number): Partial<ConsumerConfig> =>
  sequence > 1 ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: sequence } : {};

const typesIn = (description = ''): string[] =>
  description.startsWith(NOTE) ? description.slice(NOTE.length).split(' ').filter(Boolean) : [];

const union = (before: readonly string[], spec: DurableSpec): Set<string> =>
  new Set([...before.filter((type) => !spec.retired?.includes(type)), ...spec.types]);

/** `a.b.c.v1` and `a.b.d.v1` → `a.b.>`; a single type is its own filter. */
export function commonFilter(types: readonly string[]): string {
  const [first, ...others] = types;
  if (first === undefined) return '>';
  if (others.length === 0) return first;
  const tokens = first.split('.');
  let common = 0;
  while (common < tokens.length && others.every((type) => type.split('.')[common] === tokens[common])) common++;
  return [...tokens.slice(0, common), '>'].join('.');
}
