import { withinScope, type TenantScope } from '@strowger/kernel';

/** Platforms belong to a system provider. Its resellers and its siblings don't see them; its parents manage them. */
export function platformsSeenBy(scope: TenantScope): Record<string, unknown> {
  return withinScope(scope, { 'system-provider': 'systemProviderId' });
}
