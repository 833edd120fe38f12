import { Inject, Injectable } from '@nestjs/common';
import type { PortalUserSavedV1 } from '@strowger/contracts-hierarchy';
import type { AddAgent, AgentView, ListAgents, RemoveAgent } from '@strowger/contracts-routing';
import { Clock, newId, pageOf, SYSTEM_ACTOR, type Page, type RpcContext } from '@strowger/kernel';
import { Db, Outbox, sql } from '@strowger/persistence';
import { AssociationExists, AssociationNotFound } from './contact-centre.errors.js';
import { EndingService } from './ending.service.js';
import { NodesService } from './nodes.service.js';
import { byName, iso, recordsIn, tell, type RecordRow } from './records.js';

interface AgentRow extends RecordRow {
  groupId: string;
  portalUserId: string;
  email: string;
}

/** Portal users of a reseller who are agents of its groups. */
@Injectable()
export class AgentsService {
  constructor(
    @Inject(Db) private readonly db: Db,
    @Inject(Outbox) private readonly outbox: Outbox,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(NodesService) private readonly nodes: NodesService,
    @Inject(EndingService) private readonly ending: EndingService,
  ) {}

  async add(context: RpcContext, { groupId, portalUserId }: AddAgent): Promise<AgentView> {
    const node = await this.nodes.group(context, groupId);
    const agent = await this.nodes.agent(context, node.resellerId, portalUserId);
    return this.db.transactional(async () => {
      await this.nodes.hold(node, portalUserId);
      const [row] = await this.db.query<AgentRow>(sql`
        insert into agent_association (id, system_provider_id, reseller_id, group_id, portal_user_id, name, email, portal_user_sequence, created_at)
        values (${newId()}, ${node.systemProviderId}, ${node.resellerId}, ${groupId}, ${portalUserId}, ${agent.name}, ${agent.email}, ${agent.sequence}, ${this.clock.now()})
        on conflict do nothing returning ${COLUMNS}`);
      if (!row) throw new AssociationExists(portalUserId);
      await tell(this.outbox, context.actor, [row], {
        objectKind: 'agent-association',
        action: 'created',
        changes: { portalUserId },
      });
      return viewOf(row);
    });
  }

  async remove(context: RpcContext, { groupId, portalUserId }: RemoveAgent): Promise<void> {
    await this.nodes.group(context, groupId);
    await this.db.transactional(async () => {
      const ended = await this.ending.association(context.actor, groupId, portalUserId);
      if (!ended) throw new AssociationNotFound(portalUserId);
    });
  }

  async list(context: RpcContext, query: ListAgents): Promise<Page<AgentView>> {
    const rows = await this.db.query<AgentRow>(sql`
      select ${COLUMNS} from agent_association
      where group_id = ${query.groupId} and ended_at is null and ${recordsIn(context.scope)} ${byName(query)}`);
    if (rows.length === 0) await this.nodes.group(context, query.groupId);
    return pageOf(rows, query.limit ?? 50, (row) => [row.name, row.id], viewOf);
  }

  /** Hierarchy's newer word on a portal user; one who no longer belongs to the reseller is no agent there any more. */
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
