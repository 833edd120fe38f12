import { raw } from '@mikro-orm/postgresql';
import { AppError, reachOf, type Level, type TenantScope } from '@strowger/kernel';

/** Which column of a table holds the node of each level. A level without one sees nothing of that table. */
export type LevelColumns = Partial<Record<Exclude<Level, 'platform'>, string>>;

/**
 * The `where` that keeps a query inside the scope. Where the gateway has named the system providers a scope reaches, they
 * are named, so that the planner knows how many rows there are and lists walk the right index; else the tree is looked
 * at. System providers never move, so what the gateway knew a moment ago can miss a new one, but shows nothing foreign.
 */
export function seenBy(scope: TenantScope, columns: LevelColumns): Record<string, unknown> {
  if (scope.level === 'platform') return {};
  const column = columns[scope.level];
  if (!column) return { id: { $in: [] } };
  if (scope.level === 'system-provider' && !scope.providerIds)
    return { [column]: { $in: raw('(select id from system_provider where path @> array[?::uuid])', [scope.id]) } };
  const ids = reachOf(scope);
  return { [column]: ids.length === 1 ? ids[0] : { $in: ids } };
}

/** A thing only the operator of the installation does. */
export class OperatorOnly extends AppError {
  constructor(action: string) {
    super('forbidden', 'operator-only', `Only the operator of this installation may ${action}. Ask them to do it.`, {});
  }
}
