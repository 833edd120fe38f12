import { Injectable } from '@nestjs/common';
import type { ContactCentreChangedV1 } from '@strowger/contracts-routing';
import { Clock, type Actor } from '@strowger/kernel';
import { Db, Outbox, sql } from '@strowger/persistence';
import { NodesService } from './nodes.service.js';
import { NODE_COLUMN, report, type RecordRow } from './records.js';

type Kind = ContactCentreChangedV1['objectKind'];
type Condition = ReturnType<typeof sql>;

const TABLE: Record<Kind, string> = {
  queue: 'queue',
  'media-stream': 'media_stream',
  'agent-association': 'agent_association',
};

/** Ends records, each with its line in the history. In the caller's transaction; silent about what has ended before. */
@Injectable()
export class EndingService {
  constructor(
    private readonly db: Db,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly nodes: NodesService,
  ) {}

  /** The queue's row must be locked: nothing is added to it meanwhile. */
  async queue(actor: Actor, id: string): Promise<void> {
    await this.end(actor, 'queue', sql`id = ${id}`);
    await this.end(actor, 'media-stream', sql`queue_id = ${id}`);
  }

  async mediaStream(actor: Actor, id: string): Promise<void> {
    await this.end(actor, 'media-stream', sql`id = ${id}`);
  }

  /** False when the portal user is not an agent of the group. */
  async association(actor: Actor, groupId: string, portalUserId: string): Promise<boolean> {
    const where = sql`group_id = ${groupId} and portal_user_id = ${portalUserId}`;
    return (await this.end(actor, 'agent-association', where)) > 0;
  }

  /** The portal user belongs to this reseller now, or to none. `sequence` is that of the news. */
  async associationsElsewhere(
    actor: Actor,
    portalUserId: string,
    resellerId: string | null,
    sequence: number,
  ): Promise<void> {
    const where = sql`portal_user_id = ${portalUserId} and portal_user_sequence <= ${sequence} and reseller_id is distinct from ${resellerId}::uuid`;
    await this.end(actor, 'agent-association', where);
  }

  /** The node is gone: so is all that hangs on it and below, and nothing is added to it any more. */
  async node(actor: Actor, level: keyof typeof NODE_COLUMN, id: string): Promise<void> {
    await this.nodes.end(id);
    const where = sql`${sql.ref(NODE_COLUMN[level])} = ${id}`;
    for (const kind of ['queue', 'media-stream', 'agent-association'] as const) await this.end(actor, kind, where);
  }

  async portalUser(actor: Actor, id: string): Promise<void> {
    await this.nodes.end(id);
    await this.end(actor, 'agent-association', sql`portal_user_id = ${id}`);
  }

  private async end(actor: Actor, kind: Kind, where: Condition): Promise<number> {
    const rows = await this.db.query<RecordRow>(sql`
      update ${sql.table(TABLE[kind])} set ended_at = ${this.clock.now()}, version = version + 1
      where ended_at is null and ${where}
      returning id, system_provider_id as "systemProviderId", reseller_id as "resellerId", group_id as "groupId", name, version, created_at as "createdAt"`);
    await report(this.outbox, actor, rows, { objectKind: kind, action: 'deleted' });
    return rows.length;
  }
}
