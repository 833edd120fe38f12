import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { type AppError, InFlight } from '@strowger/kernel';
import { counter, guarded, inBackground, logger } from '@strowger/telemetry';
import { groupAt, type SpoolEntry } from '../spool/records.js';
import type { Spool } from '../spool/spool.js';
import type { DeliveryStream, Sent } from './delivery-stream.js';
import { Refusals } from './refusals.js';

export interface JournalOptions {
  /** How long an entry on disk waits for the stream's ack before its carrier is answered without. */
  answerWithinMs: number;
  /** Entries from the oldest unacked to the newest sent; bounds memory and what a reconnect repeats. */
  window: number;
  /** Nothing acked for so long while something is in flight: the stream counts as away. */
  ackTimeoutMs: number;
}

/** What the HTTP side needs: resolves when the delivery is safe, so that the carrier may be answered. */
export interface Journal {
  /** @throws AppError `unavailable` when it can't be stored */
  accept(deliveryId: string, event: Buffer): Promise<void>;
  /** Rejects while deliveries can't be stored. Says nothing about the stream. */
  check(): Promise<void>;
  /** Stops after everything is in the stream, or after the time; what is left stays in the spool. */
  close(withinMs: number): Promise<void>;
}

interface Waiting {
  readonly seq: number;
  readonly answerBy: number;
  onDisk: boolean;
  acked: boolean;
  resolve(): void;
  reject(error: Error): void;
}

const log = logger('journal');
const withoutAck = counter(
  'ingestion_answered_without_ack_total',
  'Deliveries answered from disk while the stream was away or late.',
);
const BATCH = 500;
const WATCH_MS = 100;
const RETRY_MS = { first: 100, most: 2000 };

/**
 * Spool and stream as one pipeline. Every delivery goes to disk and, in the order of arrival, to the stream, those of one
 * write together as one message; at most `window` are unacked. A new delivery is sent from memory when nothing is left
 * behind, else the backlog is read from disk first. Trouble of any kind rewinds to the oldest unacked entry.
 *
 * Repeats are harmless: they are the same messages, so the stream drops what it has seen in its duplicate window
 * (two minutes), and routing drops the rest by (platform, carrier message id). A repeat happens only where an ack was lost.
 */
export class DeliveryJournal implements Journal {
  private readonly waiting = new InFlight<Waiting>();
  /** Ring over the window: entries acked ahead of an older one. */
  private readonly acked: Uint8Array;
  /** Ring over the window: when the entry was received, ms. */
  private readonly receivedAt: Float64Array;
  /** Appends that failed: nothing to send. */
  private readonly gone = new Set<number>();
  private readonly refusals: Refusals;
  /** Entries up to here go to the stream one by one, because it refused a message of several. */
  private singlyThrough = 0;
  private settled: number;
  private sent: number;
  /** Counts rewinds. What was sent before a rewind may still be acked, but its failure is ignored. */
  private epoch = 0;
  private paused = false;
  private retryAt = 0;
  private retryMs = RETRY_MS.first;
  private draining = false;
  private roomMade?: () => void;
  private progressAt = 0;
  private closed = false;
  private sweeper?: NodeJS.Timeout;
  private readonly offUp: () => void;
  private readonly watchdog: NodeJS.Timeout;

  constructor(
    private readonly spool: Spool,
    private readonly stream: DeliveryStream,
    private readonly options: JournalOptions,
    rejectedDirectory: string,
  ) {
    this.acked = new Uint8Array(options.window);
    this.receivedAt = new Float64Array(options.window);
    this.refusals = new Refusals(rejectedDirectory);
    this.settled = this.sent = spool.settledThrough;
    spool.onWrite = (batch) => this.onWrite(batch);
    stream.reportTo({ acked: (sent) => this.onAck(sent), failed: (sent, error) => this.onTrouble(sent, error) });
    this.offUp = stream.onUp(() => this.resume());
    this.watchdog = setInterval(
      guarded('journal-watch', () => this.watch()),
      WATCH_MS,
    ).unref();
    if (spool.outstanding > 0) inBackground('journal-oldest', this.noteOldest());
    this.kick();
  }

  accept(deliveryId: string, event: Buffer): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const now = Date.now();
      const seq = this.spool.append(deliveryId, event, (error) => this.onDisk(waiting, error));
      const waiting: Waiting = {
        seq,
        answerBy: now + this.options.answerWithinMs,
        onDisk: false,
        acked: false,
        resolve,
        reject,
      };
      this.waiting.add(seq, waiting);
      if (this.hasRoom(seq)) this.receivedAt[seq % this.options.window] = now;
      if (!this.sweeper) this.sweepLater(this.options.answerWithinMs);
    });
  }

  /** True while no ack can be expected. */
  get away(): boolean {
    return this.paused || !this.stream.connected;
  }
  /** Deliveries the stream has not acked. */
  get unacked(): number {
    return this.spool.outstanding;
  }
  /** Seconds since the oldest unacked delivery was received; 0 when there is none. */
  get oldestUnackedSeconds(): number {
    if (this.unacked === 0) return 0;
    const at = this.receivedAt[(this.settled + 1) % this.options.window]!;
    return at === 0 ? 0 : Math.max(0, (Date.now() - at) / 1000);
  }

  async check(): Promise<void> {
    if (!this.spool.writable) throw new Error('the spool can’t be written');
    if (this.spool.full) throw new Error('the spool is full');
  }

  async close(withinMs: number): Promise<void> {
    const until = Date.now() + withinMs;
    this.retryMs = RETRY_MS.first;
    while (this.unacked > 0 && Date.now() < until && !this.givenUp) await wait(5);
    this.closed = true;
    this.offUp();
    clearInterval(this.watchdog);
    this.roomMade?.();
    while (this.draining) await turn();
    if (this.unacked > 0) log.warn({ entries: this.unacked }, 'spool-left-for-next-start');
    await this.spool.close();
  }

  private async noteOldest(): Promise<void> {
    const cursor = this.spool.read(this.settled + 1);
    const [oldest] = await cursor.next(1).catch(() => []);
    await cursor.close();
    if (oldest && oldest.seq > this.settled) this.receivedAt[oldest.seq % this.options.window] ||= timeOf(oldest.key);
  }

  /** A stream that is not even connected won't take the rest in time; the next start sends it. */
  private get givenUp(): boolean {
    return !this.stream.connected && this.spool.durableThrough === this.spool.lastSeq;
  }

  private hasRoom(seq: number): boolean {
    return seq - this.settled <= this.options.window;
  }

  private onDisk(waiting: Waiting, error?: Error): void {
    if (error) {
      this.waiting.delete(waiting.seq);
      waiting.reject(error);
      if (waiting.seq > this.settled) this.gone.add(waiting.seq);
      this.advance();
      return;
    }
    waiting.onDisk = true;
    if (waiting.acked) waiting.resolve();
    else if (this.away || waiting.answerBy <= Date.now()) this.answerWithoutAck(waiting);
  }

  private answerWithoutAck(waiting: Waiting): void {
    this.waiting.delete(waiting.seq);
    withoutAck.inc();
    waiting.resolve();
  }

  /** The map is in order of arrival, so the overdue ones come first. */
  private sweep(): void {
    clearTimeout(this.sweeper);
    this.sweeper = undefined;
    const now = Date.now();
    for (const [, waiting] of this.waiting) {
      if (waiting.answerBy > now && !this.away) return this.sweepLater(waiting.answerBy - now);
      if (waiting.onDisk) this.answerWithoutAck(waiting);
    }
    if (this.waiting.size > 0) this.sweepLater(5);
  }

  private sweepLater(ms: number): void {
    this.sweeper = setTimeout(
      guarded('journal-sweep', () => this.sweep()),
      ms,
    );
  }

  /** The disk has begun to write these, so they go to the stream too, unless something is left behind. */
  private onWrite(batch: readonly SpoolEntry[]): void {
    const inOrder = this.sent === batch[0]!.seq - 1 && !this.draining && this.hasRoom(batch.at(-1)!.seq);
    if (!inOrder) return this.kick();
    for (let at = 0; at < batch.length && !this.away;) {
      const message = this.messageAt(batch, at);
      this.send(message);
      at += message.length;
    }
  }

  private messageAt(entries: readonly SpoolEntry[], at: number): readonly SpoolEntry[] {
    return entries[at]!.seq <= this.singlyThrough ? [entries[at]!] : groupAt(entries, at);
  }

  private send(message: readonly SpoolEntry[]): void {
    const first = message[0]!.seq;
    this.sent = message.at(-1)!.seq;
    // What is acked was acked whole.
    if (this.sent <= this.settled || this.acked[first % this.options.window] === 1) return;
    for (const { seq, key } of message) this.receivedAt[seq % this.options.window] = timeOf(key);
    if (this.settled === first - 1) this.progressAt = Date.now();
    this.stream.send(message, this.epoch);
  }

  private onAck({ first, last }: Sent): void {
    for (let seq = first; seq <= last; seq++) {
      const waiting = this.waiting.get(seq);
      if (waiting) {
        waiting.acked = true;
        this.waiting.delete(seq);
        if (waiting.onDisk) waiting.resolve();
      }
      if (seq > this.settled) this.acked[seq % this.options.window] = 1;
    }
    this.advance();
  }

  /** Moves the mark over everything that is acked or gone without a gap. */
  private advance(): void {
    const { window } = this.options;
    let next = this.settled + 1;
    for (; next <= this.spool.lastSeq; next++) {
      const slot = next % window;
      const gone = this.gone.size > 0 && this.gone.delete(next);
      if (this.acked[slot] === 0 && !gone) break;
      this.acked[slot] = 0;
    }
    if (next - 1 === this.settled) return;
    this.settled = next - 1;
    if (this.sent < this.settled) this.sent = this.settled;
    this.progressAt = Date.now();
    this.retryMs = RETRY_MS.first;
    this.spool.settle(this.settled);
    this.roomMade?.();
  }

  private onTrouble({ first, last, key, tag: epoch }: Sent, error: AppError): void {
    if (epoch !== this.epoch || this.closed || last <= this.settled) return;
    if (error.code !== 'publish-refused') return this.pause(error.code);
    if (first === last) return void this.refused(first, key, error);
    // Perhaps they are too large together, or the stream refuses one of them: they are tried one by one.
    this.singlyThrough = Math.max(this.singlyThrough, last);
    this.rewind();
  }

  /** The stream will never take this one: it is put aside, or it would hold up everything after it. */
  private async refused(seq: number, key: string, error: AppError): Promise<void> {
    if (!this.refusals.isFinal(key)) return this.pause(error.code);
    const cursor = this.spool.read(seq);
    try {
      const [entry] = await cursor.next(1);
      if (entry?.seq === seq) await this.refusals.keep(entry, error);
      this.gone.add(seq);
      this.advance();
    } catch (err) {
      log.error({ err, deliveryId: key }, 'refused-delivery-not-kept');
      this.pause(error.code);
    } finally {
      await cursor.close().catch(() => undefined);
    }
  }

  /** Nothing is sent until the stream is back or a while has passed; then from the oldest unacked entry on. */
  private pause(reason: string): void {
    if (!this.paused) log.warn({ reason, unacked: this.unacked }, 'stream-away');
    this.paused = true;
    this.retryAt = Date.now() + this.retryMs;
    this.retryMs = Math.min(this.retryMs * 2, RETRY_MS.most);
    this.rewind();
    if (this.waiting.size > 0) this.sweep();
  }

  private resume(): void {
    if (this.closed || !this.stream.connected) return;
    this.paused = false;
    this.progressAt = Date.now();
    // Back after a loss of connection that was not noticed here: what was in flight may be lost.
    this.rewind();
  }

  private rewind(): void {
    this.epoch++;
    this.sent = this.settled;
    this.roomMade?.();
    this.kick();
  }

  private watch(): void {
    const now = Date.now();
    if (this.paused) {
      if (now >= this.retryAt) this.resume();
    } else if (!this.stream.connected) {
      if (this.unacked > 0) this.pause('not-connected');
    } else if (this.sent > this.settled && now - this.progressAt > this.options.ackTimeoutMs) this.pause('no-ack');
    else this.kick();
  }

  private kick(): void {
    if (this.draining || this.away || this.closed || this.sent >= this.spool.begunThrough) return;
    this.draining = true;
    void this.drain()
      .catch((err: unknown) => {
        log.error({ err }, 'drain-failed');
        this.pause('drain-failed');
      })
      .finally(() => {
        this.draining = false;
        this.kick();
      });
  }

  /** Sends what is left behind, from disk, then what is just being written, until nothing is left. */
  private async drain(): Promise<void> {
    const { epoch } = this;
    const going = (): boolean => epoch === this.epoch && !this.away && !this.closed;
    const from = { at: Date.now(), seq: this.sent };
    const cursor = this.spool.read(this.sent + 1);
    try {
      for (let entries: readonly SpoolEntry[] = []; going() && this.sent < this.spool.begunThrough;) {
        const { durableThrough } = this.spool;
        if (this.sent >= durableThrough) {
          await this.sendInOrder(this.spool.unwritten(), going, true);
          continue;
        }
        const more = await cursor.next(BATCH);
        if (!going()) break;
        entries = await this.sendInOrder([...entries, ...more], going, more.length === 0);
        // Nothing left to read up to there: those appends failed.
        if (more.length === 0) this.sent = Math.max(this.sent, durableThrough);
      }
    } finally {
      await cursor.close();
      const entries = this.sent - from.seq;
      if (entries > BATCH) log.info({ entries, ms: Date.now() - from.at }, 'spool-drained');
    }
  }

  /** Returns the beginning of a message whose end may still come; nothing when these are the last. */
  private async sendInOrder(
    entries: readonly SpoolEntry[],
    going: () => boolean,
    last: boolean,
  ): Promise<readonly SpoolEntry[]> {
    for (let at = 0; at < entries.length;) {
      const message = this.messageAt(entries, at);
      const end = message.at(-1)!.seq;
      at += message.length;
      if (!last && at === entries.length && message.length < message[0]!.group) return message;
      while (going() && !this.hasRoom(end)) await new Promise<void>((resolve) => (this.roomMade = resolve));
      if (!going()) break;
      if (end > this.sent) this.send(message);
    }
    return [];
  }
}

/** Milliseconds since 1970 in a UUIDv7. */
const timeOf = (deliveryId: string): number => Number.parseInt(deliveryId.slice(0, 8) + deliveryId.slice(9, 13), 16);
