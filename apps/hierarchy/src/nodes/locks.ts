import type { EntityManager } from '@mikro-orm/postgresql';

/**
 * Keeps a node from ending until the transaction does; false when it has ended. Whoever deletes a node locks it for
 * update, which waits for this lock, and this one for that. Renaming goes on beside it.
 */
export async function keepActive(
  em: EntityManager,
  table: 'reseller' | 'reseller_group',
  id: string,
): Promise<boolean> {
  const rows = await em.execute<unknown[]>(`select 1 from ${table} where id = ? and ended_at is null for key share`, [
    id,
  ]);
  return rows.length > 0;
}
