import { decodeCursor, InvalidInput, isId, reachOf, type TenantScope } from '@strowger/kernel';
import { sql } from '@strowger/persistence';

const COLUMN = {
  'system-provider': 'system_provider_id',
  reseller: 'reseller_id',
  group: 'group_id',
  user: 'user_id',
} as const;

/** The condition that keeps a query of rows that carry their nodes, and keep them up to date, inside the scope. */
export const inScope = (scope: TenantScope) => {
  if (scope.level === 'platform') return sql`true`;
  const [column, ids] = [sql.ref(COLUMN[scope.level]), reachOf(scope)];
  return ids.length === 1 ? sql`${column} = ${ids[0]}::uuid` : sql`${column} = any(${ids}::uuid[])`;
};

/**
 * The same for conversations and messages. They belong to their user, wherever the user is now: what they carry of group
 * and reseller is as it was when they were stored.
 */
export const inScopeOfUser = (scope: TenantScope) =>
  scope.level === 'group' || scope.level === 'reseller'
    ? sql`user_id in (select n.user_id from owned_number n where n.${sql.ref(COLUMN[scope.level])} = ${scope.id}::uuid)`
    : inScope(scope);

/** Time and id a list's cursor stands at; throws InvalidInput when it holds something else. */
export function timeCursor(cursor: string | undefined): { at: string; id: string } | undefined {
  if (cursor === undefined) return undefined;
  const [at, id] = decodeCursor(cursor, 2);
  const isTime = typeof at === 'string' && !Number.isNaN(Date.parse(at));
  if (!isTime || !/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d(:\d\d)?$/.test(at) || !isId(id))
    throw new InvalidInput([{ field: 'cursor', rule: 'cursor', message: 'The cursor is not one this list gave out.' }]);
  return { at, id };
}
