import { randomFillSync } from 'node:crypto';

/** Random bytes of one call to the system: enough for 256 ids. */
const pool = Buffer.allocUnsafeSlow(2560);
const TAKE = 10;
let taken = pool.length;
let lastMs = 0;
let counter = 0;
let head = '';

const COUNTER_BITS = 26;

/**
 * UUIDv7 (RFC 9562 §5.7): sorts by time of making, so B-tree inserts stay at the right edge. Within a millisecond ids of
 * one process count up from a random start (§6.2, method 1), so that rows made together keep their order; 48 bits more
 * are random.
 */
export function newId(): string {
  if (taken === pool.length) {
    randomFillSync(pool);
    taken = 0;
  }
  const now = Date.now();
  if (now > lastMs) {
    startAt(now);
    // The highest bit stays clear, so that there is room to count.
    counter = pool.readUInt32BE(taken) >>> (33 - COUNTER_BITS);
  } else if (++counter === 2 ** COUNTER_BITS) {
    // As when the clock is set back: our time goes on by itself until the clock has caught up.
    startAt(lastMs + 1);
    counter = 0;
  }
  const high = (counter >>> 14).toString(16).padStart(3, '0');
  const low = (0x8000 | (counter & 0x3fff)).toString(16);
  const random = pool.toString('hex', taken + 4, taken + TAKE);
  taken += TAKE;
  return `${head}${high}-${low}-${random}`;
}

function startAt(ms: number): void {
  lastMs = ms;
  const time = ms.toString(16).padStart(12, '0');
  head = `${time.slice(0, 8)}-${time.slice(8)}-7`;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** True for any lower-case UUID; ids that are not even UUIDs answer as missing, not as a database error. */
export const isId = (value: unknown): value is string => typeof value === 'string' && UUID.test(value);
