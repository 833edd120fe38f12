import { InvalidInput } from './app-error.js';

/** One page of a list; `nextCursor` is absent on the last. */
export interface Page<T> {
  items: T[];
  nextCursor?: string;
}

export const encodeCursor = (position: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify(position)).toString('base64url');

/** The position a cursor holds; throws InvalidInput when it is not one of ours. */
export function decodeCursor(cursor: string, parts: number): (string | number)[] {
  try {
    const position: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (
      Array.isArray(position) &&
      position.length === parts &&
      position.every((p) => ['string', 'number'].includes(typeof p))
    )
      return position as (string | number)[];
  } catch {
    // Falls through: unreadable is answered the same as malformed.
  }
  throw new InvalidInput([{ field: 'cursor', rule: 'cursor', message: 'The cursor is not one this list gave out.' }]);
}

/** Cuts `limit + 1` fetched rows to a page. */
export function pageOf<R, T>(
  rows: R[],
  limit: number,
  position: (row: R) => (string | number)[],
  view: (row: R) => T,
): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return {
    items: items.map(view),
    ...(rows.length > limit && last ? { nextCursor: encodeCursor(position(last)) } : {}),
  };
}
