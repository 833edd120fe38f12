/**
 * Pages of lists. A cursor holds the position of a page's last row; it comes back from outside, so each of its parts is
 * checked before it reaches a query.
 */
import { InvalidInput } from './app-error.js';

/** One page of a list; `nextCursor` is absent on the last. */
export interface Page<T> {
  items: T[];
  nextCursor?: string;
}

type CursorPart = string | number;
/** What one part of a list's cursor must be. */
type PartCheck<T extends CursorPart = CursorPart> = (part: unknown) => part is T;

/** The one answer to a cursor that can't be read. */
export class InvalidCursor extends InvalidInput {
  constructor() {
    super([{ field: 'cursor', rule: 'cursor', message: 'The cursor is not one this list gave out.' }]);
  }
}

export const encodeCursor = (position: readonly CursorPart[]): string =>
  Buffer.from(JSON.stringify(position)).toString('base64url');

/**
 * The position a cursor holds.
 * @param checks one for each part: `readCursor(cursor, isCursorText, isId)`
 * @throws InvalidCursor when it is not one that a list with these parts gave out
 */
export function readCursor<T extends CursorPart[]>(cursor: string, ...checks: { [K in keyof T]: PartCheck<T[K]> }): T {
  const position = parsed(cursor);
  const isOurs = (given: unknown): given is T =>
    Array.isArray(given) && given.length === checks.length && checks.every((check, at) => check(given[at]));
  if (!isOurs(position)) throw new InvalidCursor();
  return position;
}

/** Text the database takes, which has no way to hold a NUL. */
export const isCursorText = (part: unknown): part is string => typeof part === 'string' && !part.includes('\0');

/** Checks for a whole number from 0 to `most`. */
export const isCursorNumber =
  (most: number) =>
  (part: unknown): part is number =>
    Number.isInteger(part) && (part as number) >= 0 && (part as number) <= most;

function parsed(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    // What can't even be read gets the same answer as what holds something else.
    return undefined;
  }
}

/** Cuts `limit + 1` fetched rows to a page. */
export function pageOf<R, T>(
  rows: R[],
  limit: number,
  position: (row: R) => CursorPart[],
  view: (row: R) => T,
): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return {
    items: items.map(view),
    ...(rows.length > limit && last ? { nextCursor: encodeCursor(position(last)) } : {}),
  };
}
