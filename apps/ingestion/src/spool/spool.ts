import { constants } from 'node:fs';
import { mkdir, open, rename, type FileHandle } from 'node:fs/promises';
import { guarded, inBackground, logger } from '@strowger/telemetry';
import { encodeBatch, formGroups, sizeOfEntry, type SpoolEntry } from './records.js';
import { lastSeqOf, recoverSegments, seedOf, segmentPath, type Segment } from './segment.js';
import { SpoolFailing, SpoolFull } from './spool.errors.js';
import { SpareFiles, syncDirectory } from './spare-files.js';
import { SpoolCursor } from './spool-cursor.js';
import { lockSpool, type SpoolLock } from './spool-lock.js';

export interface SpoolOptions {
  directory: string;
  /** A segment is closed once it is at least this large. Bytes. */
  segmentBytes: number;
  /** All segments together. Bytes. */
  maxBytes: number;
}

interface Appended extends SpoolEntry {
  /** Called once: without an error when on disk. */
  onDisk(error?: Error): void;
}

interface Write {
  readonly batch: readonly Appended[];
  readonly segment: Segment;
  readonly length: number;
  readonly mark?: number;
  outcome?: 'done' | 'failed';
}

const log = logger('spool');
/** A batch of this size does not wait, so that disk, stream and processor work at the same time. */
const EAGER_BATCH = 32;
/** Smaller ones wait this long after the one before: each wakes disk, stream and router, which costs more than its entries. */
const APART_MS = 1;
const MAX_WRITES = 4;
const SCRATCH_BYTES = 128 * 1024;
const HOUSEKEEPING_MS = 1000;
/** A write returns when its data is on the disk: one trip through the thread pool instead of two for write and fdatasync. */
const FLAGS = constants.O_WRONLY | constants.O_DSYNC;

/**
 * Write-ahead spool: appended entries are on disk before the carrier is answered, and stay until they are settled. All that
 * is appended while one write runs goes out with the next, in one write and sync. (Not the kernel's `Batched`:
 * writes run beside each other but count as done in the order of the file, and small ones begin apart.)
 */
export class Spool {
  private pending: Appended[] = [];
  private pendingBytes = 0;
  /** In order of their place in the file, which is the order in which they count as done. */
  private readonly writes: Write[] = [];
  /** Buffers for coming writes: new ones of this size for each would keep the garbage collector busy. */
  private readonly scratch: Buffer[] = [];
  private scheduled = false;
  /** When the last write began, by `performance.now()`. */
  private begunAt = 0;
  private rotating = false;
  /** Where the next write goes in the active segment. */
  private position = 0;
  private file?: FileHandle;
  private recordedMark: number;
  private nextSeq: number;
  private durable: number;
  private failingSince?: Date;
  private closed = false;
  private readonly housekeeping: NodeJS.Timeout;

  private constructor(
    private readonly options: SpoolOptions,
    private readonly lock: SpoolLock,
    private readonly spares: SpareFiles,
    private readonly segments: Segment[],
    private settled: number,
  ) {
    const last = segments.at(-1);
    this.nextSeq = Math.max(settled, last ? lastSeqOf(last) : 0) + 1;
    this.durable = this.nextSeq - 1;
    this.recordedMark = settled;
    this.housekeeping = setInterval(
      guarded('spool-housekeeping', () => this.keepHouse()),
      HOUSEKEEPING_MS,
    ).unref();
  }

  /** @throws SpoolInUse when another process has the folder */
  static async open(options: SpoolOptions): Promise<Spool> {
    await mkdir(options.directory, { recursive: true, mode: 0o700 });
    const lock = await lockSpool(options.directory);
    const { segments, settledThrough } = await recoverSegments(options.directory);
    const first = segments[0];
    const settled = Math.max(settledThrough, first ? first.firstSeq - 1 : 0);
    const spares = await SpareFiles.open(options.directory, options.segmentBytes);
    const spool = new Spool(options, lock, spares, segments, settled);
    spool.dropSettled(true);
    if (spool.outstanding > 0) log.warn({ entries: spool.outstanding, bytes: spool.bytes }, 'spool-recovered');
    return spool;
  }

  /** Sequence of the last entry appended. */
  get lastSeq(): number {
    return this.nextSeq - 1;
  }
  /** Sequence of the last entry whose write has begun, and that has its group. */
  get begunThrough(): number {
    return this.lastSeq - this.pending.length;
  }
  /** Every entry up to here is on disk, or its append has failed. */
  get durableThrough(): number {
    return this.durable;
  }
  /** Entries up to here need no keeping. */
  get settledThrough(): number {
    return this.settled;
  }
  get outstanding(): number {
    return this.lastSeq - this.settled;
  }
  /** What the folder holds. */
  get bytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }
  /** False while the disk refuses writes. */
  get writable(): boolean {
    return this.failingSince === undefined;
  }
  get full(): boolean {
    return this.bytes + this.pendingBytes >= this.options.maxBytes;
  }

  /** Takes the entry for the next write. @throws SpoolFull, SpoolFailing at once, nothing stored */
  append(key: string, payload: Buffer, onDisk: (error?: Error) => void): number {
    if (this.closed || this.failingSince) throw new SpoolFailing();
    const size = sizeOfEntry({ key, payload });
    if (this.bytes + this.pendingBytes + size > this.options.maxBytes) throw new SpoolFull();
    const seq = this.nextSeq++;
    this.pendingBytes += size;
    this.pending.push({ seq, key, payload, group: 1, onDisk });
    this.writeSoon();
    return seq;
  }

  private writeSoon(): void {
    if (this.pending.length >= EAGER_BATCH) return this.write();
    if (this.pending.length === 0 || this.scheduled) return;
    this.scheduled = true;
    const go = (): void => {
      this.scheduled = false;
      this.write();
    };
    const early = this.begunAt + APART_MS - performance.now();
    if (early > 0) setTimeout(go, early);
    // Not yet: the other requests of this turn of the event loop are written together with it.
    else setImmediate(go);
  }

  /** Entries up to `through` are safe elsewhere; segments with nothing else in them are removed. */
  settle(through: number): void {
    if (through <= this.settled) return;
    this.settled = through;
    const [first] = this.segments;
    if (first && this.segments.length > 1 && lastSeqOf(first) <= through) this.dropSettled(false);
  }

  /** Called with each batch when its write has begun: entries never come in smaller portions than the disk takes them. */
  onWrite?: (batch: readonly SpoolEntry[]) => void;

  /** Entries that are being written, oldest first. */
  unwritten(): readonly SpoolEntry[] {
    return this.writes.flatMap((write) => write.batch);
  }

  /** Reads entries on disk in order from `seq` on. Entries whose append failed are not among them. */
  read(seq: number): SpoolCursor {
    return new SpoolCursor(this.segments, seq);
  }

  /** Waits for what was appended, then releases the folder. A spool with everything settled leaves no file. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.housekeeping);
    const finished = async (): Promise<void> => {
      while (this.busy) await new Promise((resolve) => setImmediate(resolve));
    };
    await finished();
    if (this.settled > this.recordedMark && this.outstanding > 0 && this.writable) this.write(true);
    await finished();
    await this.abandonFile();
    this.dropSettled(true);
    await this.deleting;
    await this.spares.close();
    await this.lock.release();
  }

  private get busy(): boolean {
    return this.pending.length > 0 || this.writes.length > 0 || this.rotating;
  }

  /** Begins one write of all that is pending. @param evenEmpty to record the mark, or to try the disk */
  private write(evenEmpty = false): void {
    if ((this.pending.length === 0 && !evenEmpty) || this.rotating || this.writes.length >= MAX_WRITES) return;
    const segment = this.segments.at(-1);
    if (!this.file || !segment || this.position >= this.options.segmentBytes) {
      // The last write's end begins the next one.
      if (this.writes.length === 0) inBackground('spool-rotate', this.rotate(evenEmpty));
      return;
    }
    const batch = this.pending;
    this.pending = [];
    formGroups(batch);
    const mark = this.settled > this.recordedMark ? this.settled : undefined;
    const scratch = this.scratch.pop() ?? Buffer.allocUnsafeSlow(SCRATCH_BYTES);
    const bytes = encodeBatch(batch, seedOf(segment), mark, scratch);
    const write: Write = { batch, segment, length: bytes.length, mark };
    this.writes.push(write);
    this.begunAt = performance.now();
    if (mark !== undefined) this.recordedMark = mark;
    const ended = (outcome: 'done' | 'failed', error?: unknown): void => {
      write.outcome = outcome;
      this.scratch.push(scratch);
      if (error) this.failing(error);
      this.finish();
    };
    writeFully(this.file, bytes, this.position).then(
      () => ended('done'),
      (error: unknown) => ended('failed', error),
    );
    this.position += bytes.length;
    if (batch.length > 0) this.onWrite?.(batch);
  }

  /** Reports the writes that are done, oldest first: nothing after a hole in the file would be found again. */
  private finish(): void {
    for (let write = this.writes[0]; write?.outcome === 'done'; write = this.writes[0]) {
      this.writes.shift();
      write.segment.bytes += write.length;
      write.segment.count += write.batch.length;
      this.report(write.batch);
      this.recovered();
    }
    if (this.writes[0]?.outcome === 'failed') {
      if (this.writes.every((write) => write.outcome !== undefined))
        inBackground('spool-give-up-file', this.giveUpFile());
    } else this.writeSoon();
  }

  private report(batch: readonly Appended[], error?: Error): void {
    const last = batch.at(-1);
    if (!last) return;
    this.durable = last.seq;
    for (const entry of batch) this.pendingBytes -= sizeOfEntry(entry);
    for (const entry of batch) entry.onDisk(error);
  }

  private async rotate(evenEmpty: boolean): Promise<void> {
    this.rotating = true;
    try {
      await this.abandonFile();
      const firstSeq = this.pending[0]?.seq ?? this.nextSeq;
      const path = segmentPath(this.options.directory, firstSeq);
      // A segment of that name holds no entry, else the sequence would be higher.
      if (this.segments.at(-1)?.path === path) this.segments.pop();
      await rename(await this.spares.take(), path);
      await syncDirectory(this.options.directory);
      this.file = await open(path, FLAGS);
      this.segments.push({ path, firstSeq, count: 0, bytes: 0, damaged: false });
      this.position = 0;
      this.dropSettled(false);
      this.rotating = false;
      this.write(evenEmpty);
    } catch (error) {
      this.rotating = false;
      this.failing(error);
      this.failPending(error);
    }
  }

  private failing(error: unknown): void {
    if (!this.failingSince) log.error({ err: error, bytes: this.bytes }, 'spool-failing');
    this.failingSince ??= new Date();
  }

  private recovered(): void {
    if (this.failingSince) log.info({ since: this.failingSince }, 'spool-writable-again');
    this.failingSince = undefined;
  }

  /** After a failed write the kernel's view of the file is unknown: what was sound is kept, the next write takes another file. */
  private async giveUpFile(): Promise<void> {
    this.rotating = true;
    await this.abandonFile();
    this.rotating = false;
    // A mark that was being written is written again.
    this.recordedMark = Math.min(this.recordedMark, ...this.writes.map((write) => (write.mark ?? Infinity) - 1));
    for (const { batch } of this.writes.splice(0)) this.report(batch, new SpoolFailing());
    this.failPending();
  }

  private failPending(cause?: unknown): void {
    const batch = this.pending;
    this.pending = [];
    this.report(batch, new SpoolFailing(cause));
  }

  private async abandonFile(): Promise<void> {
    const { file } = this;
    this.file = undefined;
    await file?.close().catch(() => undefined);
  }

  /** Records how far all is settled while nothing is appended, and finds out whether a failing disk is back. */
  private keepHouse(): void {
    if (!this.busy && (this.settled > this.recordedMark || !this.writable)) this.write(true);
  }

  private deleting: Promise<unknown> = Promise.resolve();

  /** @param last also the segment written last */
  private dropSettled(last: boolean): void {
    while (this.segments.length > (last ? 0 : 1) && lastSeqOf(this.segments[0]!) <= this.settled) {
      const { path, damaged, bytes } = this.segments.shift()!;
      if (damaged) log.error({ path: `${path}.damaged`, soundBytes: bytes }, 'spool-segment-damaged');
      const gone = damaged ? rename(path, `${path}.damaged`) : this.spares.give(path);
      this.deleting = Promise.all([
        this.deleting,
        gone.catch((err: unknown) => log.warn({ err, path }, 'spool-segment-stuck')),
      ]);
    }
  }
}

async function writeFully(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
