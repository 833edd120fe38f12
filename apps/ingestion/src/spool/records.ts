import { crc32 } from 'node:zlib';

/** One delivery as the spool keeps it. `seq` counts from 1 for the life of the spool's folder. */
export interface SpoolEntry {
  readonly seq: number;
  /** The delivery's id; at most 255 bytes. */
  readonly key: string;
  readonly payload: Buffer;
}

/**
 * On disk a record is `[u32 length of body][u32 CRC-32 of body][body]`, big-endian. A body is either
 * `[1][u8 key length][key][payload]`, an entry, or `[2][u48 seq]`, a mark: every entry up to `seq` is settled. Marks ride
 * along with the next batch, so that a restart after a crash repeats only what was in flight.
 *
 * The CRC starts from the segment's seed, because files are used again: a sound record of the file's former life must not
 * pass for one of this.
 */
const HEADER = 8;
const ENTRY = 1;
const MARK = 2;
const MARK_BODY = 7;
/** A longer one is damage: bodies are bounded by the HTTP limit far below this. */
const MAX_BODY = 64 * 1024 * 1024;

export const sizeOfEntry = (entry: { key: string; payload: Buffer }): number =>
  HEADER + 2 + entry.key.length + entry.payload.length;

/** One buffer for one write: the start of `scratch` when it is large enough. Keys are ASCII. */
export function encodeBatch(
  entries: readonly SpoolEntry[],
  seed: number,
  settledThrough?: number,
  scratch?: Buffer,
): Buffer {
  let size = settledThrough === undefined ? 0 : HEADER + MARK_BODY;
  for (const entry of entries) size += sizeOfEntry(entry);
  const out = scratch && size <= scratch.length ? scratch.subarray(0, size) : Buffer.allocUnsafe(size);
  let at = 0;
  const close = (body: number, end: number): number => {
    out.writeUInt32BE(end - body, body - HEADER);
    out.writeUInt32BE(crc32(out.subarray(body, end), seed), body - 4);
    return end;
  };
  if (settledThrough !== undefined) {
    const body = at + HEADER;
    out[body] = MARK;
    out.writeUIntBE(settledThrough, body + 1, 6);
    at = close(body, body + MARK_BODY);
  }
  for (const { key, payload } of entries) {
    const body = at + HEADER;
    out[body] = ENTRY;
    out[body + 1] = key.length;
    out.write(key, body + 2, 'latin1');
    payload.copy(out, body + 2 + key.length);
    at = close(body, body + 2 + key.length + payload.length);
  }
  return out;
}

export type SpoolRecord = { key: string; payload: Buffer } | { settledThrough: number };

export interface Decoded {
  records: SpoolRecord[];
  /** Bytes that made whole, sound records. */
  consumed: number;
  /** What follows is no record, however many bytes more there are. */
  ended: boolean;
}

/** Whole records at the start of `chunk`; payloads are views of it. Stops before one that is cut off or wrong. */
export function decodeRecords(chunk: Buffer, seed: number, maxRecords = Infinity): Decoded {
  const records: SpoolRecord[] = [];
  let at = 0;
  while (at + HEADER <= chunk.length && records.length < maxRecords) {
    const length = chunk.readUInt32BE(at);
    if (length < 2 || length > MAX_BODY) return { records, consumed: at, ended: true };
    const body = at + HEADER;
    const end = body + length;
    if (end > chunk.length) break;
    if (crc32(chunk.subarray(body, end), seed) !== chunk.readUInt32BE(at + 4))
      return { records, consumed: at, ended: true };
    if (chunk[body] === MARK) records.push({ settledThrough: chunk.readUIntBE(body + 1, 6) });
    else {
      const payloadAt = body + 2 + chunk[body + 1]!;
      records.push({ key: chunk.toString('latin1', body + 2, payloadAt), payload: chunk.subarray(payloadAt, end) });
    }
    at = end;
  }
  return { records, consumed: at, ended: false };
}

/** Bytes the first record of `chunk` needs in all; 0 when even its header is not there. */
export const sizeOfFirst = (chunk: Buffer): number => (chunk.length < HEADER ? 0 : HEADER + chunk.readUInt32BE(0));
