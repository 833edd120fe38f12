import { Injectable } from '@nestjs/common';
import { isId, NotFound, type TenantScope } from '@strowger/kernel';
import { Db, sql, type RawBuilder } from '@strowger/persistence';
import type { HistoryObject } from '../history/history.service.js';
import { providerSeenBy, rowSeenBy } from './scope-sql.js';

/** A node above users, with the nodes above it. */
export interface TreeNode {
  level: 'system-provider' | 'reseller' | 'group';
  id: string;
  name: string;
  systemProviderId: string;
  resellerId?: string;
  groupId?: string;
}

interface Row {
  level: TreeNode['level'];
  id: string;
  name: string;
  systemProviderId: string;
  resellerId: string | null;
  groupId: string | null;
}

/** The column that holds a node's id in rows below it. */
export const columnOf = (node: TreeNode) =>
  ({ 'system-provider': 'systemProviderId', reseller: 'resellerId', group: 'groupId' })[node.level];

export const historyObjectOf = ({ level: kind, ...node }: TreeNode): HistoryObject => ({ kind, ...node });

/** The rows of each level that the scope sees and that have not ended. */
const SEEN: Record<TreeNode['level'], (scope: TenantScope) => RawBuilder<Row>> = {
  group: (scope) => sql`
    select 'group' as level, id, name, system_provider_id as "systemProviderId", reseller_id as "resellerId",
      id as "groupId" from reseller_group n where ended_at is null and ${rowSeenBy(scope, 'n', 'group')}`,
  reseller: (scope) => sql`
    select 'reseller' as level, id, name, system_provider_id as "systemProviderId", id as "resellerId",
      null::uuid as "groupId" from reseller n where ended_at is null and ${rowSeenBy(scope, 'n', 'reseller')}`,
  'system-provider': (scope) => sql`
    select 'system-provider' as level, id, name, id as "systemProviderId", null::uuid as "resellerId",
      null::uuid as "groupId" from system_provider n where ended_at is null and ${providerSeenBy(scope, 'n')}`,
};
const LEVELS = ['group', 'reseller', 'system-provider'] as const;

/**
 * The nodes of the tree for those that hang something on them: found by id within a scope, and kept from ending. Reads
 * their rows only; the rows are changed by the tree.
 */
@Injectable()
export class NodesService {
  constructor(private readonly db: Db) {}

  /** Throws NotFound when the scope holds no such node; at `level` only, if given. */
  async get(scope: TenantScope, id: string, level?: TreeNode['level']): Promise<TreeNode> {
    const levels = level ? [level] : LEVELS;
    const rows = isId(id.toLowerCase())
      ? await this.db.query(
          sql.join(
            levels.map((one) => sql`${SEEN[one](scope)} and id = ${id}`),
            sql` union all `,
          ) as RawBuilder<Row>,
        )
      : [];
    if (!rows[0]) throw new NotFound(level ?? 'node', id);
    return nodeOf(rows[0]);
  }

  /**
   * The system provider with its row locked until the transaction ends: for what must not slip between a change of
   * alert recipients and a platform's hold.
   */
  async lockProvider(scope: TenantScope, id: string): Promise<TreeNode> {
    const [row] = await this.db.query(sql<Row>`${SEEN['system-provider'](scope)} and id = ${id} for update`);
    if (!row) throw new NotFound('system-provider', id);
    return nodeOf(row);
  }

  /**
   * Keeps a reseller or group from ending until the transaction does; false when it has ended. Anyone who deletes it locks
   * it for update, which waits for this lock, and this one for that. Renaming goes on beside it.
   */
  async keepActive(level: 'reseller' | 'group', id: string): Promise<boolean> {
    const table = sql.table(level === 'group' ? 'reseller_group' : 'reseller');
    const rows = await this.db.query(sql`select 1 from ${table} where id = ${id} and ended_at is null for key share`);
    return rows.length > 0;
  }

  /** For what is made at a node. A system provider is locked instead, by `lockProvider`. */
  async hold({ level, id }: TreeNode): Promise<void> {
    if (level !== 'system-provider' && !(await this.keepActive(level, id))) throw new NotFound(level, id);
  }
}

const nodeOf = ({ resellerId, groupId, ...node }: Row): TreeNode => ({
  ...node,
  ...(resellerId ? { resellerId } : {}),
  ...(groupId ? { groupId } : {}),
});
