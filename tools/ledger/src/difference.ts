import type { TwinsControl } from '@strowger/carrier-twins';
import type { SqlClient } from '../../setup/database.ts';

export interface LedgerAddresses {
  /** Superuser; the services' database `strowger` is on the same server. */
  postgresUrl: string;
  natsUrl: string;
  twinsUrl: string;
  mailUrl: string;
}

/** A delivery that somebody posted to a webhook and was answered 2xx for. */
export interface Accepted {
  carrierMessageId: string;
}

/** Two books that do not agree. Names and ids only, never a text. */
export interface Difference {
  /** Stable, kebab-case: `message-missing`, `sent-twice`, … */
  what: string;
  /** The thing it is about: a carrier's message id, a number, a mail. */
  about: string;
  /** What one book says and the other does not. */
  detail: string;
}

export const describeDifference = ({ what, about, detail }: Difference): string => `${what}  ${about}  ${detail}`;

/** What the checks read from. */
export interface Books {
  sql: SqlClient;
  twins: TwinsControl;
  natsUrl: string;
  mailUrl: string;
}

export type Row = Record<string, string | null>;

/** Rows with every value as text, so that ids, times and counters compare as they are written. */
export async function rows(sql: SqlClient, text: string): Promise<Row[]> {
  const result = await sql.query(text);
  return result.rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([key, value]) => [key, value === null ? null : String(value)])),
  );
}

export function groupBy<T>(items: Iterable<T>, keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

/** Ten digits of a North American number however it is written; other numbers as they are. */
export const digitsOf = (number: string): string => number.replace(/\D/g, '').replace(/^1(?=\d{10}$)/, '');
