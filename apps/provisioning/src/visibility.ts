import { withinScope, type TenantScope } from '@strowger/kernel';

/** Platforms belong to a system provider: its resellers don't see them, nor do siblings; its parents manage them. */
export function platformsSeenBy(scope: TenantScope): Record<string, unknown> {
  return withinScope(scope, { 'system-provider': 'systemProviderId' });
}
