import { Injectable } from '@nestjs/common';
import type { PortalUserSavedV1 } from '@strowger/contracts-hierarchy';
import {
  routingRpc as rpc,
  type AddAgent,
  type AgentView,
  type ListAgents,
  type RemoveAgent,
} from '@strowger/contracts-routing';
import { Clock, newId, pageOf, SYSTEM_ACTOR, type Page, type RpcRequest } from '@strowger/kernel';
import { Db, Outbox, sql } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { AssociationExists, AssociationNotFound } from './contact-centre.errors.js';
import { EndingService } from './ending.service.js';
import { NodesService } from './nodes.service.js';
import { byName, iso, recordsIn, report, type RecordRow } from './records.js';

interface AgentRow extends RecordRow {
  groupId: string;
  portalUserId: string;
  email: string;
}

/** Portal users of a reseller who are agents of its groups. */
@Injectable()
export class AgentsService {
  constructor(
    private readonly db: Db,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly nodes: NodesService,
    private readonly ending: EndingService,
  ) {}

  @Answers(rpc.addAgent)
  async add(request: RpcRequest<AddAgent>): Promise<AgentView> {
    const { groupId, portalUserId } = request.body;
    const node = await this.nodes.group(request, groupId);
    const agent = await this.nodes.agent(request, node.resellerId, portalUserId);
    return this.db.transactional(async () => {
      await this.nodes.hold(node, portalUserId);
      const [row] = await this.db.query<AgentRow>(sql`
        insert into agent_association (id, system_provider_id, reseller_id, group_id, portal_user_id, name, email, portal_user_sequence, created_at)
        values (${newId()}, ${node.systemProviderId}, ${node.resellerId}, ${groupId}, ${portalUserId}, ${agent.name}, ${agent.email}, ${agent.sequence}, ${this.clock.now()})
        on conflict do nothing returning ${COLUMNS}`);
      if (!row) throw new AssociationExists(portalUserId);
      await report(this.outbox, request.actor, [row], {
        objectKind: 'agent-association',
        action: 'created',
        changes: { portalUserId },
      });
      return viewOf(row);
    });
  }

  @Answers(rpc.removeAgent)
  async remove(request: RpcRequest<RemoveAgent>): Promise<null> {
    const { groupId, portalUserId } = request.body;
    await this.nodes.group(request, groupId);
    return this.db.transactional(async () => {
      const ended = await this.ending.association(request.actor, groupId, portalUserId);
      if (!ended) throw new AssociationNotFound(portalUserId);
      return null;
    });
  }

  @Answers(rpc.listAgents)
  async list(request: RpcRequest<ListAgents>): Promise<Page<AgentView>> {
    const query = request.body;
    const rows = await this.db.query<AgentRow>(sql`
      select ${COLUMNS} from agent_association
      where group_id = ${query.groupId} and ended_at is null and ${recordsIn(request.scope)} ${byName(query)}`);
    if (rows.length === 0) await this.nodes.group(request, query.groupId);
    return pageOf(rows, query.limit ?? 50, (row) => [row.name, row.id], viewOf);
  }

  /** Takes hierarchy's newer state of a portal user; one who no longer belongs to the reseller stops being an agent there. */
  async saved(user: PortalUserSavedV1, sequence: number): Promise<void> {
    const resellerId = user.level === 'reseller' ? user.nodeId : null;
    await this.db.transactional(async () => {
      await this.db.query(sql`
        update agent_association set name = ${user.name}, email = ${user.email}, portal_user_sequence = ${sequence}
        where portal_user_id = ${user.portalUserId} and ended_at is null and portal_user_sequence < ${sequence}`);
      await this.ending.associationsElsewhere(SYSTEM_ACTOR, user.portalUserId, resellerId, sequence);
    });
  }
}

const COLUMNS = sql.raw(`
  id, system_provider_id as "systemProviderId", reseller_id as "resellerId", group_id as "groupId", portal_user_id as "portalUserId", name, email,
  version, created_at as "createdAt"`);

const viewOf = ({ id, groupId, portalUserId, name, email, createdAt }: AgentRow): AgentView => ({
  id,
  groupId,
  portalUserId,
  name,
  email,
  createdAt: iso(createdAt),
});
