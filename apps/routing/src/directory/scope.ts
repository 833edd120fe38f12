import { decodeCursor, InvalidInput, isId, type TenantScope } from '@strowger/kernel';
import { sql } from '@strowger/persistence';

const COLUMN = {
  'system-provider': 'system_provider_id',
  reseller: 'reseller_id',
  group: 'group_id',
  user: 'user_id',
} as const;

/** The condition that keeps a query of owned_number, conversation or message inside the scope. */
export const inScope = (scope: TenantScope) =>
  scope.level === 'platform' ? sql`true` : sql`${sql.ref(COLUMN[scope.level])} = ${scope.id}::uuid`;

/** Time and id a list's cursor stands at; throws InvalidInput when it holds something else. */
export function timeCursor(cursor: string | undefined): { at: string; id: string } | undefined {
  if (cursor === undefined) return undefined;
  const [at, id] = decodeCursor(cursor, 2);
  const isTime = typeof at === 'string' && !Number.isNaN(Date.parse(at));
  if (!isTime || !/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d(:\d\d)?$/.test(at) || !isId(id))
    throw new InvalidInput([{ field: 'cursor', rule: 'cursor', message: 'The cursor is not one this list gave out.' }]);
  return { at, id };
}
