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
}

export const PLATFORM_SCOPE: TenantScope = { level: 'platform', id: '', systemProviderId: '' };

/** Columns every tenant-owned row carries, named after the levels. */
export interface TenantColumns {
  systemProviderId: string;
  resellerId?: string | null;
  groupId?: string | null;
  userId?: string | null;
}

const COLUMN = {
  'system-provider': 'systemProviderId',
  reseller: 'resellerId',
  group: 'groupId',
  user: 'userId',
} as const;

/** The `where` that keeps a query inside the scope; merge it into every query. */
export function withinScope(scope: TenantScope): Partial<Record<keyof TenantColumns, string>> {
  return scope.level === 'platform' ? {} : { [COLUMN[scope.level]]: scope.id };
}

/** True when the row lies inside the scope. */
export function isWithin(scope: TenantScope, row: TenantColumns): boolean {
  return scope.level === 'platform' || row[COLUMN[scope.level]] === scope.id;
}
