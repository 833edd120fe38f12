import { AppError, type Level, type TenantScope } from '@strowger/kernel';

/** Which column of a table holds the node of each level. A level without one sees nothing of that table. */
export type LevelColumns = Partial<Record<Exclude<Level, 'platform'>, string>>;

/** The `where` that keeps a query inside the scope. */
export function seenBy(scope: TenantScope, columns: LevelColumns): Record<string, unknown> {
  if (scope.level === 'platform') return {};
  const column = columns[scope.level];
  return column ? { [column]: scope.id } : { id: { $in: [] } };
}

/** A thing only the operator of the installation does. */
export class OperatorOnly extends AppError {
  constructor(action: string) {
    super('forbidden', 'operator-only', `Only the operator of this installation may ${action}. Ask them to do it.`, {});
  }
}
