/** The tenant scope in hand-written SQL. What MikroORM queries take is `withinScope` of the kernel; the rule is one. */
import { reachIn, type LevelColumns, type TenantScope } from '@strowger/kernel';
import { sql, type RawBuilder } from 'kysely';

const COLUMNS: LevelColumns = {
  'system-provider': 'system_provider_id',
  reseller: 'reseller_id',
  group: 'group_id',
  user: 'user_id',
};

/** The condition that keeps a query inside the scope. Columns of a joined table are named with its alias: `n.group_id`. */
export function inScope(scope: TenantScope, columns: LevelColumns = COLUMNS): RawBuilder<boolean> {
  const reach = reachIn(scope, columns);
  if (reach === 'everything') return sql`true`;
  if (reach === 'nothing') return sql`false`;
  const [column, ids] = [sql.ref(reach.column), reach.ids];
  return ids.length === 1 ? sql`${column} = ${ids[0]}::uuid` : sql`${column} = any(${ids}::uuid[])`;
}
