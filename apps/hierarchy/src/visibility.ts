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

export class VersionMismatch extends AppError {
  constructor(what: string, given: number, current: number) {
    super(
      'precondition-failed',
      'version-mismatch',
      `This ${what} was changed by someone else meanwhile (version ${current}, yours is ${given}). Read it again, then repeat your change.`,
      { given, current },
    );
  }
}

/** Throws when the caller changes another version than it read; without a version the last write wins. */
export function checkVersion(what: string, row: { version: number }, given: number | null | undefined): void {
  if (given !== undefined && given !== null && given !== row.version)
    throw new VersionMismatch(what, given, row.version);
}
