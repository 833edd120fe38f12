/**
 * The nodes that records belong to. Hierarchy knows them; it is asked with the caller's scope, so a foreign one is
 * missing. A node that hierarchy reported as ended stays ended here, also for a record that is being added meanwhile.
 */
import { Injectable } from '@nestjs/common';
import { hierarchyRpc } from '@strowger/contracts-hierarchy';
import { Clock, NotFound, type RpcContext } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { Rpc } from '@strowger/rpc';
import { AgentNotAtReseller } from './contact-centre.errors.js';

/** A reseller, or a group of it, as hierarchy reported it. */
export interface Node {
  systemProviderId: string;
  resellerId: string;
  /** Null for the reseller itself. */
  groupId: string | null;
}
export interface Agent {
  portalUserId: string;
  name: string;
  email: string;
  sequence: number;
}

@Injectable()
export class NodesService {
  constructor(
    private readonly db: Db,
    private readonly rpc: Rpc,
    private readonly clock: Clock,
  ) {}

  /** @throws NotFound reseller */
  async reseller({ scope, actor }: RpcContext, id: string): Promise<Node> {
    const { systemProviderId } = await this.rpc.call(hierarchyRpc.getReseller, { scope, actor, body: { id } });
    return { systemProviderId, resellerId: id, groupId: null };
  }

  /** @throws NotFound group */
  async group({ scope, actor }: RpcContext, id: string): Promise<Node & { groupId: string }> {
    const group = await this.rpc.call(hierarchyRpc.getGroup, { scope, actor, body: { id } });
    return { systemProviderId: group.systemProviderId, resellerId: group.resellerId, groupId: id };
  }

  /** A portal user of the reseller itself, as an agent must be. @throws NotFound portal user, AgentNotAtReseller */
  async agent({ scope, actor }: RpcContext, resellerId: string, id: string): Promise<Agent> {
    const user = await this.rpc.call(hierarchyRpc.getPortalUser, { scope, actor, body: { id } });
    if (user.level !== 'reseller' || user.nodeId !== resellerId) throw new AgentNotAtReseller(id);
    return { portalUserId: id, name: user.name, email: user.email, sequence: user.version };
  }

  /**
   * In the transaction that adds a record: none of its nodes may end until the commit.
   * @throws NotFound when one has
   */
  async hold({ systemProviderId, resellerId, groupId }: Node, portalUserId?: string): Promise<void> {
    const kinds = new Map([
      [systemProviderId, 'system-provider'],
      [resellerId, 'reseller'],
      ...(groupId ? [[groupId, 'group'] as const] : []),
      ...(portalUserId ? [[portalUserId, 'portal-user'] as const] : []),
    ]);
    const ids = [...kinds.keys()].sort();
    await this.db.query(
      sql`select pg_advisory_xact_lock_shared(hashtextextended('routing:node:' || id, 0)) from unnest(${ids}::text[]) as id`,
    );
    const ended = await this.db.query<{ node_id: string }>(
      sql`select node_id from ended_node where node_id = any(${ids}::uuid[])`,
    );
    for (const { node_id: id } of ended) throw new NotFound(kinds.get(id) ?? 'node', id);
  }

  /** In the transaction that ends what hangs on the node: waits for records on their way in, and lets no more in. */
  async end(id: string): Promise<void> {
    await this.db.query(sql`select pg_advisory_xact_lock(hashtextextended(${`routing:node:${id}`}, 0))`);
    await this.db.query(
      sql`insert into ended_node (node_id, ended_at) values (${id}, ${this.clock.now()}) on conflict do nothing`,
    );
  }
}
