import type { TenantScope } from '@strowger/kernel';

/** Platforms belong to a system provider: nobody below it sees them, and siblings don't either. */
export function platformsSeenBy(scope: TenantScope): Record<string, unknown> {
  if (scope.level === 'platform') return {};
  return scope.level === 'system-provider' ? { systemProviderId: scope.id } : { id: { $in: [] } };
}
