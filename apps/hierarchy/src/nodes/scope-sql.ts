import type { TenantScope } from '@strowger/kernel';
import { sql, type RawBuilder } from '@strowger/persistence';

/** The condition of a hand-written statement that keeps it inside the scope; `alias` names a `system_provider`. */
export function providerSeenBy(scope: TenantScope, alias: string): RawBuilder<boolean> {
  if (scope.level === 'platform') return sql`true`;
  if (scope.level !== 'system-provider') return sql`false`;
  return sql`${sql.id(alias)}.path @> array[${scope.id}::uuid]`;
}

/** Likewise for a row that carries the ids of the nodes above it; `own` is the level the row itself is a node of. */
export function rowSeenBy(
  scope: TenantScope,
  alias: string,
  own?: 'reseller' | 'group' | 'user' | 'portal-user',
): RawBuilder<boolean> {
  const column = (name: string): RawBuilder<unknown> => sql`${sql.id(alias)}.${sql.id(name)}`;
  switch (scope.level) {
    case 'platform':
      return sql`true`;
    case 'system-provider':
      if (scope.providerIds?.length === 1) return sql`${column('system_provider_id')} = ${scope.id}`;
      if (scope.providerIds) return sql`${column('system_provider_id')} = any(${scope.providerIds}::uuid[])`;
      return sql`${column('system_provider_id')} in (select id from system_provider where path @> array[${scope.id}::uuid])`;
    case 'reseller':
      return sql`${column(own === 'reseller' ? 'id' : 'reseller_id')} = ${scope.id}`;
    case 'group':
      if (own === 'reseller') return sql`false`;
      return sql`${column(own === 'group' ? 'id' : 'group_id')} = ${scope.id}`;
    case 'user':
      return own === 'user' ? sql`${column('id')} = ${scope.id}` : sql`false`;
  }
}
