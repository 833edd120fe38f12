/**
 * The right to do something that only one process of the installation may do at a time, such as reading a stream in
 * order. It is a key of a bucket that its holder writes again and again. No clocks are compared: one that stands by
 * measures how long the key has not changed.
 */
import { guarded, logger } from '@strowger/telemetry';
import { StreamUnavailable } from './errors.js';
import { kvBucket, type KvBucket } from './kv.js';
import type { Messaging } from './messaging.js';

const BUCKET = 'leases';
/** How often the holder writes, and the others look. */
const BEAT_MS = 400;
/** Not written for so long: the holder is dead, and another may take it. */
const DEAD_MS = 2000;
/** A holder that could not write for so long no longer counts as one, before another can think it dead. */
const UNSURE_MS = 1500;

/** What a holder leaves for the one after it. Whole numbers; absent ones are 0. */
export interface LeaseNote {
  /** Stream sequence that reading begins at. */
  from: number;
  /** Holders that died one after the other without getting beyond `from`. */
  deaths: number;
}
interface Stored extends LeaseNote {
  /** Empty: given back. */
  holder: string;
}

const log = logger('messaging');

export class Lease {
  private readonly bucket: KvBucket;
  private readonly me = crypto.randomUUID();
  private readonly timer: NodeJS.Timeout;
  private held?: { revision: number; writtenAt: number };
  private note: LeaseNote = { from: 0, deaths: 0 };
  /** Of somebody else's key: since when this process has seen it unchanged. */
  private seen?: { revision: number; since: number };
  private looking?: Promise<void>;
  private stopped = false;

  /**
   * @param onGained is given what the last holder left, and whether it died with it
   * @param onLost called at once when it is no longer sure that the lease is ours
   */
  constructor(
    private readonly messaging: Messaging,
    private readonly name: string,
    private readonly onGained: (note: LeaseNote, died: boolean) => void,
    private readonly onLost: () => void,
  ) {
    this.bucket = kvBucket(messaging, BUCKET);
    this.timer = setInterval(
      guarded('lease', () => {
        // Also while a write hangs.
        if (this.held && performance.now() - this.held.writtenAt > UNSURE_MS) this.lose('it could not be kept');
        return this.look();
      }),
      BEAT_MS,
    ).unref();
    messaging.onConnected(guarded('lease', () => this.look()));
  }

  get isHeld(): boolean {
    // By the time, too: a process that was stopped and goes on has not run its timers yet.
    return this.held !== undefined && performance.now() - this.held.writtenAt <= UNSURE_MS;
  }

  /** Kept for the next holder. @throws StreamUnavailable when it could not be, or the lease is lost */
  async leave(note: LeaseNote): Promise<void> {
    await this.looking;
    this.note = note;
    await this.look();
    if (!this.held) throw new StreamUnavailable(`lease ${this.name}`);
  }

  /** Gives it back, so that another process has it at its next look. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    await this.looking;
    const { held } = this;
    this.held = undefined;
    if (held) await this.write('', held.revision).catch(() => undefined);
  }

  private look(): Promise<void> {
    if (this.stopped) return Promise.resolve();
    return (this.looking ??= (this.held ? this.keep(this.held) : this.take())
      // While NATS is away nothing can be found out, and what is held runs out by itself.
      .catch((error: unknown) => log.debug({ lease: this.name, reason: String(error) }, 'lease-not-looked-at'))
      .finally(() => (this.looking = undefined)));
  }

  private async keep(held: { revision: number }): Promise<void> {
    const at = performance.now();
    const revision = await this.write(this.me, held.revision);
    // Lost while it was being written; what stands there now is ours, and is taken again at the next look.
    if (this.held !== held) return;
    if (revision === undefined) this.lose('another process has it');
    else this.held = { revision, writtenAt: at };
  }

  private async take(): Promise<void> {
    if (!this.messaging.connected) return;
    const at = performance.now();
    const entry = await this.bucket.get(this.name);
    const before = entry && this.storedIn(entry.value);
    if (entry && before?.holder && before.holder !== this.me) {
      if (this.seen?.revision !== entry.revision) this.seen = { revision: entry.revision, since: at };
      if (at - this.seen.since < DEAD_MS) return;
      log.warn({ lease: this.name }, 'lease-taken-over');
    }
    this.note = { from: before?.from ?? 0, deaths: before?.deaths ?? 0 };
    const revision = await this.write(this.me, entry?.revision);
    if (revision === undefined || this.stopped) return;
    this.held = { revision, writtenAt: at };
    this.seen = undefined;
    this.onGained(this.note, Boolean(before?.holder));
  }

  private lose(reason: string): void {
    this.held = undefined;
    log.warn({ lease: this.name, reason }, 'lease-lost');
    this.onLost();
  }

  private write(holder: string, revision: number | undefined): Promise<number | undefined> {
    const value = JSON.stringify({ holder, ...this.note } satisfies Stored);
    return revision === undefined
      ? this.bucket.create(this.name, value)
      : this.bucket.update(this.name, value, revision);
  }

  /** What nobody can read counts as written by a holder that may be alive: it is taken over when it stays unchanged. */
  private storedIn(value: Uint8Array): Stored {
    const found = jsonIn(value);
    if (found === undefined) {
      log.error({ lease: this.name }, 'lease-unreadable');
      return { holder: 'unknown', from: 0, deaths: 0 };
    }
    const field = (name: string): unknown => Reflect.get(Object(found) as object, name);
    const [holder, from, deaths] = [field('holder'), Number(field('from')), Number(field('deaths'))];
    return {
      holder: typeof holder === 'string' ? holder : '',
      from: Number.isSafeInteger(from) ? from : 0,
      deaths: Number.isSafeInteger(deaths) ? deaths : 0,
    };
  }
}

/** Undefined when it is not JSON. */
function jsonIn(value: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(value).toString());
  } catch {
    return undefined;
  }
}
