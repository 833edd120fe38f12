/** The tenant scope in hand-written SQL over the tree: `inScope`, and the paths of providers, which only this service has. */
import type { TenantScope } from '@strowger/kernel';
import { inScope, sql, type RawBuilder } from '@strowger/persistence';

/** The condition of a hand-written statement that keeps it inside the scope; `alias` names a `system_provider`. */
export function providerSeenBy(scope: TenantScope, alias: string): RawBuilder<boolean> {
  if (scope.level === 'platform') return sql`true`;
  if (scope.level !== 'system-provider') return sql`false`;
  return sql`${sql.id(alias)}.path @> array[${scope.id}::uuid]`;
}

/** The same for a row that carries the ids of the nodes above it; `own` is the level the row itself is a node of. */
export function rowSeenBy(
  scope: TenantScope,
  alias: string,
  own?: 'reseller' | 'group' | 'user' | 'portal-user',
): RawBuilder<boolean> {
  const provider = `${alias}.system_provider_id`;
  if (scope.level === 'system-provider' && !scope.providerIds)
    return sql`${sql.ref(provider)} in (select id from system_provider where path @> array[${scope.id}::uuid])`;
  return inScope(scope, {
    'system-provider': provider,
    reseller: `${alias}.${own === 'reseller' ? 'id' : 'reseller_id'}`,
    ...(own === 'reseller' ? {} : { group: `${alias}.${own === 'group' ? 'id' : 'group_id'}` }),
    ...(own === 'user' ? { user: `${alias}.id` } : {}),
  });
}
