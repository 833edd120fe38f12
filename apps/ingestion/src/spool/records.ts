import { crc32 } from 'node:zlib';

/** One delivery as the spool keeps it. `seq` counts from 1 for the life of the spool's folder. */
export interface SpoolEntry {
  readonly seq: number;
  /** The delivery's id; at most 255 bytes. */
  readonly key: string;
  readonly payload: Buffer;
  /** How many entries, this one and those behind it, go to the stream as one message; 0 when it is behind another. */
  group: number;
}

/** More would gain nothing, and a message must stay far below what a server takes (1 MiB unless configured). */
const GROUP = { entries: 64, bytes: 128 * 1024 };

/** Decides once which entries go together: what is sent again must be the same message, or the stream would store it twice. */
export function formGroups(entries: readonly SpoolEntry[]): void {
  let first = 0;
  let bytes = 0;
  for (const [i, entry] of entries.entries()) {
    bytes += entry.payload.length;
    if (i > first && (i - first === GROUP.entries || bytes > GROUP.bytes)) {
      first = i;
      bytes = entry.payload.length;
    }
    entry.group = 0;
    entries[first]!.group = i - first + 1;
  }
}

/**
 * The group that begins at `from`. A group whose beginning is settled already comes in single entries. A group that lost
 * its end in a crash, before its carriers were answered, ends where the next begins.
 */
export function groupAt<E extends SpoolEntry>(entries: readonly E[], from: number): readonly E[] {
  const most = from + entries[from]!.group;
  let end = from + 1;
  while (end < most && end < entries.length && entries[end]!.group === 0) end++;
  return from === 0 && end === entries.length ? entries : entries.slice(from, end);
}

/**
 * On disk a record is `[u32 length of body][u32 CRC-32 of body][body]`, big-endian. A body is either
 * `[3][u8 group][u8 key length][key][payload]`, an entry, or `[2][u48 seq]`, a mark: every entry up to `seq` is settled.
 * Marks ride along with the next batch, so that a restart after a crash repeats only what was in flight. Earlier versions
 * wrote `[1][u8 key length][key][payload]`, an entry that goes alone.
 *
 * The CRC starts from the segment's seed, because files are used again: a sound record from the file's earlier use must
 * not pass for a new one.
 */
const HEADER = 8;
const LONE_ENTRY = 1;
const ENTRY = 3;
const MARK = 2;
const MARK_BODY = 7;
/** A longer one is damage: bodies are bounded by the HTTP limit far below this. */
const MAX_BODY = 64 * 1024 * 1024;

export const sizeOfEntry = (entry: { key: string; payload: Buffer }): number =>
  HEADER + 3 + entry.key.length + entry.payload.length;

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
  for (const { key, payload, group } of entries) {
    const body = at + HEADER;
    out[body] = ENTRY;
    out[body + 1] = group;
    out[body + 2] = key.length;
    out.write(key, body + 3, 'latin1');
    payload.copy(out, body + 3 + key.length);
    at = close(body, body + 3 + key.length + payload.length);
  }
  return out;
}

export type SpoolRecord = Omit<SpoolEntry, 'seq'> | { settledThrough: number };

export interface Decoded {
  records: SpoolRecord[];
  /** Bytes that made whole, sound records. */
  consumed: number;
  /** What follows is not a record, however many more bytes come. */
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
      const alone = chunk[body] === LONE_ENTRY;
      const keyAt = body + (alone ? 2 : 3);
      const payloadAt = keyAt + chunk[keyAt - 1]!;
      const key = chunk.toString('latin1', keyAt, payloadAt);
      records.push({ key, payload: chunk.subarray(payloadAt, end), group: alone ? 1 : chunk[body + 1]! });
    }
    at = end;
  }
  return { records, consumed: at, ended: false };
}

/** Bytes the first record of `chunk` needs in all; 0 when even its header is not there. */
export const sizeOfFirst = (chunk: Buffer): number => (chunk.length < HEADER ? 0 : HEADER + chunk.readUInt32BE(0));
