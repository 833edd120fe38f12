import { v7 } from 'uuid';

/** UUIDv7 (RFC 9562): sorts by time of making, so B-tree inserts stay at the right edge. */
export const newId = (): string => v7();

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** True for any lower-case UUID; ids that are not even UUIDs answer as missing, not as a database error. */
export const isId = (value: unknown): value is string => typeof value === 'string' && UUID.test(value);
