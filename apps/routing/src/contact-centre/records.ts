import { ContactCentreChangedV1 } from '@strowger/contracts-routing';
import { factOf, isCursorText, isId, readCursor, type Actor, type Fact, type TenantScope } from '@strowger/kernel';
import { inScope, sql, type Outbox } from '@strowger/persistence';

/** What every record of the contact centre has. */
export interface RecordRow {
  id: string;
  systemProviderId: string;
  resellerId: string;
  groupId: string | null;
  name: string;
  version: number;
  createdAt: string;
}

type Change = Pick<ContactCentreChangedV1, 'objectKind' | 'action'> & { changes?: Record<string, unknown> };

/** Where a record has the node of a level. */
export const NODE_COLUMN = {
  'system-provider': 'system_provider_id',
  reseller: 'reseller_id',
  group: 'group_id',
} as const;

/** The condition that keeps a query of these records inside the scope. A user has none. */
export const recordsIn = (scope: TenantScope) => inScope(scope, NODE_COLUMN);

/** Reports the change to the history, in the transaction of the change. */
export const report = (outbox: Outbox, actor: Actor, rows: readonly RecordRow[], change: Change): Promise<void> =>
  outbox.addAll(rows.map((row) => changeOf(actor, row, change)));

function changeOf(
  { kind, id, name, ip }: Actor,
  row: RecordRow,
  { objectKind, action, changes = {} }: Change,
): Fact<ContactCentreChangedV1> {
  const { systemProviderId, resellerId } = row;
  return factOf(
    ContactCentreChangedV1,
    { subject: row.id, sequence: row.version, tenantId: systemProviderId },
    {
      objectKind,
      action,
      objectId: row.id,
      objectName: row.name,
      systemProviderId,
      resellerId,
      ...(row.groupId ? { groupId: row.groupId } : {}),
      changes,
      actor: { kind, id, name, ...(ip ? { ip } : {}) },
    },
  );
}

/** Search, cursor, order and length of a list in order of (name, id). */
export function byName({ limit = 50, cursor, search }: { limit?: number; cursor?: string; search?: string }) {
  const after = cursor === undefined ? undefined : readCursor(cursor, isCursorText, isId);
  const pattern = search ? `%${search.replaceAll(/[\\%_]/g, '\\$&')}%` : undefined;
  return sql`
    ${pattern ? sql`and name ilike ${pattern}` : sql``}
    ${after ? sql`and (name, id) > (${after[0]}::text, ${after[1]}::uuid)` : sql``}
    order by name, id limit ${limit + 1}`;
}

export const iso = (timestamp: string): string => new Date(timestamp).toISOString();
