import { open, readdir, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeRecords, sizeOfFirst, type SpoolEntry } from './records.js';

/** One append-only file; its name is the sequence of its first entry. */
export interface Segment {
  readonly path: string;
  readonly firstSeq: number;
  /** Entries in it that are on disk. */
  count: number;
  /** Bytes in it that are on disk and sound. */
  bytes: number;
  /** Entries are missing at its end although later segments exist: kept for a person instead of used again. */
  damaged: boolean;
}

const NAME = /^(\d{16})\.log$/;
const CHUNK = 1024 * 1024;

export const lastSeqOf = (segment: Segment): number => segment.firstSeq + segment.count - 1;
/** What the CRCs of a segment's records start from. */
export const seedOf = ({ firstSeq }: Pick<Segment, 'firstSeq'>): number => Math.imul(firstSeq, 0x9e3779b1) >>> 0;
export const segmentPath = (directory: string, firstSeq: number): string =>
  join(directory, `${String(firstSeq).padStart(16, '0')}.log`);

/** Reads forward through one segment, a chunk at a time, never beyond the bytes known to be sound. */
export class SegmentReader {
  private rest = Buffer.alloc(0);
  private position = 0;
  private seq: number;
  private readonly seed: number;

  private constructor(
    private readonly file: FileHandle,
    private readonly segment: Segment,
  ) {
    this.seq = segment.firstSeq;
    this.seed = seedOf(segment);
  }

  static async open(segment: Segment): Promise<SegmentReader> {
    return new SegmentReader(await open(segment.path, 'r'), segment);
  }

  /** Offset of the first byte not yet read as a record. */
  get consumed(): number {
    return this.position - this.rest.length;
  }

  /** Up to `maxEntries` more entries; empty at the end of the sound bytes. */
  async next(maxEntries: number): Promise<{ entries: SpoolEntry[]; settledThrough: number }> {
    const entries: SpoolEntry[] = [];
    let settledThrough = 0;
    for (;;) {
      const { records, consumed, ended } = decodeRecords(this.rest, this.seed, maxEntries - entries.length);
      this.rest = this.rest.subarray(consumed);
      for (const record of records) {
        if ('settledThrough' in record) settledThrough = Math.max(settledThrough, record.settledThrough);
        else entries.push({ seq: this.seq++, ...record });
      }
      if (entries.length > 0 || ended) return { entries, settledThrough };
      const wanted = Math.max(CHUNK, sizeOfFirst(this.rest) - this.rest.length);
      const length = Math.min(wanted, this.segment.bytes - this.position);
      if (length <= 0) return { entries, settledThrough };
      // A new buffer each time: entries handed out are views of it.
      const chunk = Buffer.allocUnsafe(this.rest.length + length);
      this.rest.copy(chunk);
      const { bytesRead } = await this.file.read(chunk, this.rest.length, length, this.position);
      if (bytesRead === 0) return { entries, settledThrough };
      this.position += bytesRead;
      this.rest = chunk.subarray(0, this.rest.length + bytesRead);
    }
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

export interface Recovered {
  segments: Segment[];
  /** Highest mark found: entries up to it were settled before the end. */
  settledThrough: number;
}

/**
 * What a folder holds after any kind of end. After a segment's last sound record there are zeros, records of the file's
 * earlier use, or a record cut off in a write that had not returned, so that no carrier was answered for it. Something is
 * wrong (damage, or appends that failed) only when the next segment begins later than that.
 */
export async function recoverSegments(directory: string): Promise<Recovered> {
  const names = (await readdir(directory)).filter((name) => NAME.test(name)).sort();
  const segments: Segment[] = [];
  let settledThrough = 0;
  for (const name of names) {
    const path = join(directory, name);
    const segment: Segment = { path, firstSeq: Number(NAME.exec(name)![1]), count: 0, bytes: Infinity, damaged: false };
    const reader = await SegmentReader.open(segment);
    try {
      for (;;) {
        const found = await reader.next(1000);
        settledThrough = Math.max(settledThrough, found.settledThrough);
        segment.count += found.entries.length;
        if (found.entries.length === 0) break;
      }
    } finally {
      await reader.close();
    }
    segment.bytes = reader.consumed;
    const before = segments.at(-1);
    if (before) before.damaged = lastSeqOf(before) + 1 < segment.firstSeq;
    segments.push(segment);
  }
  return { segments, settledThrough };
}
