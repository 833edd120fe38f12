import { isCursorText, isId, pageOf, readCursor, type Page, type TenantScope } from '@strowger/kernel';
import type { ListQuery } from '@strowger/contracts-hierarchy';
import type { EntityManager } from '@mikro-orm/postgresql';
import { sql, type Db } from '@strowger/persistence';

export type Where = Record<string, unknown>;
export const DEFAULT_LIMIT = 50;

/** Rows whose fields hold the text anywhere, in any case; `%` and `_` mean themselves. */
export function matching(search: string | null | undefined, ...fields: string[]): Where[] {
  if (!search) return [];
  return [{ $or: fields.map((field) => ({ [field]: { $ilike: patternOf(search) } })) }];
}

const patternOf = (search: string): string => `%${search.replaceAll(/[\\%_]/g, '\\$&')}%`;

/**
 * The system providers a scope of that level reaches; undefined for other levels. Lists need them by id: an index that
 * begins with one provider is walked in order, one condition for several is not.
 */
export async function providersOf(em: EntityManager, scope: TenantScope): Promise<readonly string[] | undefined> {
  if (scope.level !== 'system-provider') return undefined;
  if (scope.providerIds) return scope.providerIds;
  const rows = await em.execute<{ id: string }[]>('select id from system_provider where path @> array[?::uuid]', [
    scope.id,
  ]);
  return rows.map(({ id }) => id);
}

/**
 * As `pageByName`, for rows of several system providers: of each the first ones by its index, of these the first ones.
 * So a page costs as many index walks as there are providers, however many rows they have.
 */
export async function pageAcrossProviders<T extends { id: string; name: string }, V>(
  db: Db,
  entity: new () => T,
  /** The columns that are searched. */
  searched: readonly string[],
  providers: readonly string[],
  query: ListQuery,
  view: (rows: T[]) => V[],
): Promise<Page<V>> {
  const limit = query.limit ?? DEFAULT_LIMIT;
  const em = db.em();
  const { tableName } = em.getMetadata().get(entity);
  const pattern = patternOf(query.search ?? '');
  const matches = query.search
    ? sql`and (${sql.join(
        searched.map((column) => sql`n.${sql.id(column)} ilike ${pattern}`),
        sql` or `,
      )})`
    : sql``;
  const [name, id] = query.cursor ? readCursor(query.cursor, isCursorText, isId) : [];
  const rest = query.cursor ? sql`and n.name >= ${name} and (n.name > ${name} or n.id > ${id})` : sql``;
  const ids = await db.query(sql<{ id: string }>`
    select page.id from unnest(${providers}::uuid[]) as provider (id) cross join lateral (
      select n.id, n.name from ${sql.id(tableName)} n
      where n.system_provider_id = provider.id and n.ended_at is null ${matches} ${rest}
      order by n.name, n.id limit ${limit + 1}) as page
    order by page.name, page.id limit ${limit + 1}`);
  const found = await em.find(entity, { id: { $in: ids.map(({ id }) => id) } } as never);
  const byId = new Map((found as T[]).map((row) => [row.id, row]));
  const rows = ids.flatMap(({ id }) => byId.get(id) ?? []);
  const page = pageOf(
    rows,
    limit,
    (row) => [row.name, row.id],
    (row) => row,
  );
  return { ...page, items: view(page.items) };
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
    const [name, id] = readCursor(query.cursor, isCursorText, isId);
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
