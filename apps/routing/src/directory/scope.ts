/** Which conversations and messages a scope sees, and where a list by time goes on. Everything else is `inScope` of the persistence library. */
import { isId, readCursor, type TenantScope } from '@strowger/kernel';
import { inScope, sql } from '@strowger/persistence';

const COLUMN = { group: 'n.group_id', reseller: 'n.reseller_id' };

/**
 * Conversations and messages belong to their user, wherever the user is now: what they carry of group and reseller is as
 * it was when they were stored.
 */
export const inScopeOfUser = (scope: TenantScope) =>
  scope.level === 'group' || scope.level === 'reseller'
    ? sql`user_id in (select n.user_id from owned_number n where ${inScope(scope, COLUMN)})`
    : inScope(scope);

const TIMESTAMP = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d(:\d\d)?$/;
/** A timestamp as the database writes it. */
const isTimestamp = (part: unknown): part is string =>
  typeof part === 'string' && TIMESTAMP.test(part) && !Number.isNaN(Date.parse(part));

/** Time and id of the row a list by time goes on after. */
export function timeCursor(cursor: string | undefined): { at: string; id: string } | undefined {
  if (cursor === undefined) return undefined;
  const [at, id] = readCursor(cursor, isTimestamp, isId);
  return { at, id };
}
