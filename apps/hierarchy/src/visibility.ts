import { raw } from '@mikro-orm/postgresql';
import { AppError, NODE_COLUMNS, withinScope, type LevelColumns, type TenantScope } from '@strowger/kernel';

/**
 * The `where` that keeps a query inside the scope. Where the gateway has named the system providers a scope reaches, they
 * are named, so that the planner knows how many rows there are and lists walk the right index; else the tree is looked
 * at. System providers never move, so what the gateway knew a moment ago can miss a new one, but shows nothing foreign.
 */
export function seenBy(scope: TenantScope, columns: LevelColumns = NODE_COLUMNS): Record<string, unknown> {
  const column = columns['system-provider'];
  if (scope.level === 'system-provider' && !scope.providerIds && column)
    return { [column]: { $in: raw('(select id from system_provider where path @> array[?::uuid])', [scope.id]) } };
  return withinScope(scope, columns);
}

/** A thing only the operator of the installation does. */
export class OperatorOnly extends AppError {
  constructor(action: string) {
    super('forbidden', 'operator-only', `Only the operator of this installation may ${action}. Ask them to do it.`, {});
  }
}
