import { decodeCursor, InvalidInput, isId, pageOf, type Page } from '@strowger/kernel';
import type { ListQuery } from '@strowger/contracts-hierarchy';
import type { EntityManager } from '@mikro-orm/postgresql';

export type Where = Record<string, unknown>;
export const DEFAULT_LIMIT = 50;

/** Rows whose fields hold the text anywhere, in any case; `%` and `_` mean themselves. */
export function matching(search: string | null | undefined, ...fields: string[]): Where[] {
  if (!search) return [];
  const pattern = `%${search.replaceAll(/[\\%_]/g, '\\$&')}%`;
  return [{ $or: fields.map((field) => ({ [field]: { $ilike: pattern } })) }];
}

/** The parts of a cursor as text the database accepts, the last one an id. */
export function positionOf(cursor: string, parts: number): string[] {
  const position = decodeCursor(cursor, parts).map(String);
  if (position.some((part) => part.includes('\0')) || !isId(position.at(-1)))
    throw new InvalidInput([{ field: 'cursor', rule: 'cursor', message: 'The cursor is not one this list gave out.' }]);
  return position;
}

/**
 * One page in order of (name, id). `name >=` bounds the index scan and the alternative drops only the ties before the
 * cursor, so a page costs the same wherever it lies; a plain OR would walk the index from its start.
 */
export async function pageByName<T extends { id: string; name: string }, V>(
  em: EntityManager,
  entity: new () => T,
  where: Where[],
  query: ListQuery,
  view: (rows: T[]) => V[] | Promise<V[]>,
): Promise<Page<V>> {
  const limit = query.limit ?? DEFAULT_LIMIT;
  const after: Where[] = [];
  if (query.cursor) {
    const [name, id] = positionOf(query.cursor, 2);
    after.push({ name: { $gte: name } }, { $or: [{ name: { $gt: name } }, { id: { $gt: id } }] });
  }
  const rows = await em.find(entity, { $and: [...where, ...after] } as never, {
    orderBy: { name: 'asc', id: 'asc' } as never,
    limit: limit + 1,
  });
  const page = pageOf(
    rows as T[],
    limit,
    (row) => [row.name, row.id],
    (row) => row,
  );
  return { ...page, items: await view(page.items) };
}
