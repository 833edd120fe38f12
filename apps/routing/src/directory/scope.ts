import type { TenantScope } from '@strowger/kernel';
import { sql } from '@strowger/persistence';

const COLUMN = {
  'system-provider': 'system_provider_id',
  reseller: 'reseller_id',
  group: 'group_id',
  user: 'user_id',
} as const;

/** The condition that keeps a query of owned_number, conversation or message inside the scope. */
export const inScope = (scope: TenantScope) =>
  scope.level === 'platform' ? sql`true` : sql`${sql.ref(COLUMN[scope.level])} = ${scope.id}::uuid`;
