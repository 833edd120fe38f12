import { readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import { Kvm, type KV, type KvWatchEntry } from '@nats-io/kv';
import type { QueuedIterator } from '@nats-io/nats-core';
import { guarded, logger } from '@strowger/telemetry';
import { publishError, StreamUnavailable } from './errors.js';
import type { Messaging } from './messaging.js';

export interface KvOptions {
  /** Keys are removed this long after their last write; without it they stay. */
  ttlSeconds?: number;
}

export interface KvValue {
  value: Uint8Array;
  /** Give it to `update` to write only if nobody else has since. */
  revision: number;
}

const log = logger('messaging');

/** A JetStream key-value bucket, made on first use. Calls throw StreamUnavailable while NATS is away. */
export class KvBucket {
  private opened?: Promise<KV>;

  constructor(
    private readonly messaging: Messaging,
    readonly name: string,
    readonly options: KvOptions = {},
  ) {
    // A server that lost its disk comes back without the bucket, so it is made again after each connect.
    messaging.onConnected(() => (this.opened = undefined));
  }

  async get(key: string): Promise<KvValue | undefined> {
    const entry = await this.call((kv) => kv.get(key));
    return entry && entry.operation === 'PUT' ? { value: entry.value, revision: entry.revision } : undefined;
  }

  /** Writes over any value; returns the revision. */
  put(key: string, value: string | Uint8Array): Promise<number> {
    return this.call((kv) => kv.put(key, value));
  }

  /** Writes only if the key is not there; undefined when it is. */
  create(key: string, value: string | Uint8Array): Promise<number | undefined> {
    return this.unlessTaken((kv) => kv.create(key, value));
  }

  /** Writes only if the key is still at this revision; undefined when it is not. */
  update(key: string, value: string | Uint8Array, revision: number): Promise<number | undefined> {
    return this.unlessTaken((kv) => kv.update(key, value, revision));
  }

  delete(key: string): Promise<void> {
    return this.call((kv) => kv.delete(key));
  }

  /** A copy in memory that follows the bucket; see KvMirror. */
  mirror<T>(parse: (value: Uint8Array) => T, options: KvMirrorOptions = {}): KvMirror<T> {
    return new KvMirror(this.messaging, this, parse, options);
  }

  /** @internal */
  async open(): Promise<KV> {
    this.opened ??= new Kvm(this.messaging.js).create(this.name, {
      history: 1,
      replicas: this.messaging.options.replicas ?? 1,
      ...(this.options.ttlSeconds ? { ttl: this.options.ttlSeconds * 1000 } : {}),
    });
    try {
      return await this.opened;
    } catch (error) {
      this.opened = undefined;
      throw error;
    }
  }

  private async unlessTaken(write: (kv: KV) => Promise<number>): Promise<number | undefined> {
    return await this.call(async (kv) => {
      try {
        return await write(kv);
      } catch (error) {
        if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamWrongLastSequence)
          return undefined;
        throw error;
      }
    });
  }

  private async call<R>(use: (kv: KV) => Promise<R>): Promise<R> {
    try {
      if (!this.messaging.connected) throw new StreamUnavailable(`kv ${this.name}`);
      return await use(await this.open());
    } catch (error) {
      throw publishError(`kv ${this.name}`, error);
    }
  }
}

export interface KvMirrorOptions {
  /** The last map is kept in this file, so that a process that starts while NATS is away has one. Mode 0600. */
  snapshotFile?: string;
}

/**
 * The bucket's values in memory. Serves the last known map while NATS is away, catches up on every reconnect, and
 * works from an empty (or the snapshot's) map when NATS has not been seen yet.
 */
export class KvMirror<T> {
  private values = new Map<string, T>();
  private bytes = new Map<string, string>();
  /** When each was written, the oldest first; kept only where keys go with time, which the server does not report. */
  private written = new Map<string, number>();
  private iterator?: QueuedIterator<KvWatchEntry>;
  private generation = 0;
  private stopped = false;
  private saving?: Promise<void>;
  private dirty = false;
  private readonly filled = Promise.withResolvers<void>();
  private readonly offConnected: () => void;

  constructor(
    private readonly messaging: Messaging,
    private readonly bucket: KvBucket,
    private readonly parse: (value: Uint8Array) => T,
    private readonly options: KvMirrorOptions,
  ) {
    this.loadSnapshot();
    this.offConnected = messaging.onConnected(guarded('kv-mirror', () => this.follow()));
  }

  get(key: string): T | undefined {
    return this.values.get(key);
  }
  get size(): number {
    return this.values.size;
  }
  entries(): IterableIterator<[string, T]> {
    return this.values.entries();
  }
  /** Resolves once the whole bucket has been read from the server. */
  ready(): Promise<void> {
    return this.filled.promise;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.generation++;
    this.offConnected();
    this.iterator?.stop();
    await this.saving;
  }

  private async follow(): Promise<void> {
    const generation = ++this.generation;
    const current = (): boolean => generation === this.generation;
    this.iterator?.stop();
    for (let attempt = 0; current(); attempt++) {
      try {
        const kv = await this.bucket.open();
        const { values: expected } = await kv.status();
        const iterator = await kv.watch();
        if (!current()) return iterator.stop();
        this.iterator = iterator;
        await this.read(iterator, expected, current);
        attempt = 0;
      } catch (error) {
        log.warn({ bucket: this.bucket.name, reason: error instanceof Error ? error.message : '' }, 'kv-watch-failed');
      }
      if (current()) await delay(Math.min(100 * 2 ** attempt, 2000), undefined, { ref: false });
    }
  }

  /** The old map is served until the new one is whole: a key deleted while we were away is gone at that moment. */
  private async read(iterator: QueuedIterator<KvWatchEntry>, expected: number, current: () => boolean): Promise<void> {
    const fresh: Mirrored<T> = { values: new Map(), bytes: new Map(), written: new Map() };
    let whole = false;
    const finish = (): void => {
      if (whole || !current()) return;
      whole = true;
      this.values = fresh.values;
      this.bytes = fresh.bytes;
      this.written = fresh.written;
      this.filled.resolve();
      this.save();
    };
    if (expected === 0) finish();
    // Keys may expire between counting and watching; then no entry says that it is the last.
    const fallback = setTimeout(finish, 2000);
    try {
      for await (const entry of iterator) {
        if (!current()) return;
        this.apply(fresh, entry);
        if (whole) this.save();
        else if (entry.isUpdate) finish();
      }
    } finally {
      clearTimeout(fallback);
    }
  }

  private apply(into: Mirrored<T>, entry: KvWatchEntry): void {
    this.dropExpired(into);
    if (entry.operation !== 'PUT') return forget(into, entry.key);
    if (this.bucket.options.ttlSeconds) {
      into.written.delete(entry.key);
      into.written.set(entry.key, entry.created.getTime());
    }
    try {
      into.values.set(entry.key, this.parse(entry.value));
      into.bytes.set(entry.key, Buffer.from(entry.value).toString('base64'));
    } catch {
      log.error({ bucket: this.bucket.name, key: entry.key }, 'kv-value-unreadable');
    }
  }

  private dropExpired(from: Mirrored<T>): void {
    const before = Date.now() - (this.bucket.options.ttlSeconds ?? 0) * 1000;
    for (const [key, at] of from.written) {
      if (at >= before) return;
      forget(from, key);
    }
  }

  private loadSnapshot(): void {
    const file = this.options.snapshotFile;
    if (!file) return;
    try {
      const stored: unknown = JSON.parse(readFileSync(file, 'utf8'));
      for (const [key, value] of Object.entries(Object(stored) as object)) {
        if (typeof value !== 'string') throw new TypeError(`The value of ${key} is not text.`);
        this.values.set(key, this.parse(Buffer.from(value, 'base64')));
        this.bytes.set(key, value);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        log.warn({ bucket: this.bucket.name }, 'kv-snapshot-unreadable');
    }
  }

  private save(): void {
    const file = this.options.snapshotFile;
    this.dirty = true;
    if (!file || this.saving) return;
    this.saving = (async () => {
      while (this.dirty) {
        this.dirty = false;
        await mkdir(dirname(file), { recursive: true });
        await writeFile(`${file}.new`, JSON.stringify(Object.fromEntries(this.bytes)), { mode: 0o600, flush: true });
        await rename(`${file}.new`, file);
      }
    })()
      .catch(() => log.warn({ bucket: this.bucket.name }, 'kv-snapshot-not-saved'))
      .finally(() => (this.saving = undefined));
  }
}

interface Mirrored<T> {
  values: Map<string, T>;
  bytes: Map<string, string>;
  written: Map<string, number>;
}

function forget<T>({ values, bytes, written }: Mirrored<T>, key: string): void {
  values.delete(key);
  bytes.delete(key);
  written.delete(key);
}

/** Opens a bucket by name. */
export const kvBucket = (messaging: Messaging, name: string, options?: KvOptions): KvBucket =>
  new KvBucket(messaging, name, options);
