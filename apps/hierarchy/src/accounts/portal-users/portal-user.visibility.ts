import type { TenantScope } from '@strowger/kernel';
import { seenBy } from '../../visibility.js';

/** Portal users of a node and of the nodes below it. */
export const portalUsersSeenBy = (scope: TenantScope) => ({
  ...seenBy(scope, { 'system-provider': 'systemProviderId', reseller: 'resellerId', group: 'groupId' }),
  endedAt: null,
});
