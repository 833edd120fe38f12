export type Level = 'platform' | 'system-provider' | 'reseller' | 'group' | 'user';

/**
 * A node of the hierarchy; a query sees it and its descendants, nothing else. `platform` is the operator of this
 * installation, above all system providers.
 */
export interface TenantScope {
  level: Level;
  /** Id of the node; empty at platform level. */
  id: string;
  /** The system provider the node belongs to; empty at platform level. */
  systemProviderId: string;
  /**
   * At system-provider level: the provider and every one below it, for services that don't know the tree. The gateway
   * fills it. Without it the scope reaches the provider's own rows only.
   */
  providerIds?: readonly string[];
}

export const PLATFORM_SCOPE: TenantScope = { level: 'platform', id: '', systemProviderId: '' };

/** Columns every tenant-owned row carries, named after the levels. */
export interface TenantColumns {
  systemProviderId: string;
  resellerId?: string | null;
  groupId?: string | null;
  userId?: string | null;
}

/** The column of a table that holds the node of each level. A level without one sees nothing of that table. */
export type LevelColumns = Partial<Record<Exclude<Level, 'platform'>, string>>;

/** Where every tenant-owned row holds its nodes. */
export const NODE_COLUMNS = {
  'system-provider': 'systemProviderId',
  reseller: 'resellerId',
  group: 'groupId',
  user: 'userId',
} as const satisfies LevelColumns;

/** Ids of the nodes whose rows the scope reaches at its own level; one, but for a system provider that has children. */
export function reachOf(scope: TenantScope): readonly string[] {
  return (scope.level === 'system-provider' && scope.providerIds) || [scope.id];
}

/**
 * The rule of what a scope sees of a table, for every way to write a query: everything, nothing, or the rows whose
 * column holds one of the ids.
 */
export function reachIn(
  scope: TenantScope,
  columns: LevelColumns,
): 'everything' | 'nothing' | { column: string; ids: readonly string[] } {
  if (scope.level === 'platform') return 'everything';
  const column = columns[scope.level];
  return column === undefined ? 'nothing' : { column, ids: reachOf(scope) };
}

/** MikroORM's `where` that keeps a query inside the scope; merge it into every query. */
export function withinScope(
  scope: TenantScope,
  columns: LevelColumns = NODE_COLUMNS,
): Record<string, string | { $in: readonly string[] }> {
  const reach = reachIn(scope, columns);
  if (reach === 'everything') return {};
  if (reach === 'nothing') return { id: { $in: [] } };
  const { column, ids } = reach;
  return { [column]: ids.length === 1 ? ids[0]! : { $in: ids } };
}

/** True when the row lies inside the scope. */
export function isWithin(scope: TenantScope, row: TenantColumns): boolean {
  if (scope.level === 'platform') return true;
  const id = row[NODE_COLUMNS[scope.level]];
  return typeof id === 'string' && reachOf(scope).includes(id);
}
