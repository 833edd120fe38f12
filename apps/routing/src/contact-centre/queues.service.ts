import { Inject, Injectable } from '@nestjs/common';
import type {
  AddGroupQueue,
  AddResellerQueue,
  CountQueuesUnder,
  FindQueue,
  ListGroupQueues,
  ListQueues,
  ListResellerQueues,
  QueuesUnder,
  QueueView,
  UpdateQueue,
} from '@strowger/contracts-routing';
import {
  checkVersion,
  Clock,
  newId,
  NotFound,
  pageOf,
  type Page,
  type RpcContext,
  type TenantScope,
} from '@strowger/kernel';
import { Db, Outbox, sql, uniqueViolation } from '@strowger/persistence';
import { QueueExists, QueueNotFound } from './contact-centre.errors.js';
import { EndingService } from './ending.service.js';
import { NodesService, type Node } from './nodes.service.js';
import { byName, iso, NODE_COLUMN, recordsIn, tell, type RecordRow } from './records.js';

/** Queues of resellers and of groups; a name is unique among the active ones of its level. */
@Injectable()
export class QueuesService {
  constructor(
    @Inject(Db) private readonly db: Db,
    @Inject(Outbox) private readonly outbox: Outbox,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(NodesService) private readonly nodes: NodesService,
    @Inject(EndingService) private readonly ending: EndingService,
  ) {}

  async addToReseller(context: RpcContext, { resellerId, name }: AddResellerQueue): Promise<QueueView> {
    return this.add(context, await this.nodes.reseller(context, resellerId), name);
  }

  async addToGroup(context: RpcContext, { groupId, name }: AddGroupQueue): Promise<QueueView> {
    return this.add(context, await this.nodes.group(context, groupId), name);
  }

  async update({ scope, actor }: RpcContext, { id, version, name }: UpdateQueue): Promise<QueueView> {
    return this.db.transactional(async () => {
      const row = await this.lock(scope, id);
      checkVersion('queue', row, version);
      if (name === undefined || name === null || name === row.name) return viewOf(row);
      const renamed = await this.rename(id, name);
      const changes = { name: { from: row.name, to: name } };
      await tell(this.outbox, actor, [renamed], { objectKind: 'queue', action: 'updated', changes });
      return viewOf(renamed);
    });
  }

  /** Its media streams go with it. */
  async delete({ scope, actor }: RpcContext, id: string): Promise<void> {
    await this.db.transactional(async () => {
      await this.lock(scope, id);
      await this.ending.queue(actor, id);
    });
  }

  async get(scope: TenantScope, id: string): Promise<QueueView> {
    return viewOf(await this.row(scope, id));
  }

  async find(scope: TenantScope, { resellerId, groupId, name }: FindQueue): Promise<QueueView> {
    const [row] = await this.db.query<RecordRow>(sql`
      select ${COLUMNS} from queue
      where ended_at is null and ${recordsIn(scope)} and reseller_id = ${resellerId} and coalesce(group_id, reseller_id) = ${groupId ?? resellerId}::uuid and name = ${name}`);
    if (!row) throw new QueueNotFound(name);
    return viewOf(row);
  }

  list(scope: TenantScope, query: ListQueues): Promise<Page<QueueView>> {
    return this.page(scope, query, sql`true`);
  }

  async ofReseller(context: RpcContext, query: ListResellerQueues): Promise<Page<QueueView>> {
    const { resellerId } = query;
    const page = await this.page(context.scope, query, sql`reseller_id = ${resellerId} and group_id is null`);
    // Routing knows only who has queues; whether there is such a reseller at all, hierarchy knows.
    if (page.items.length === 0) await this.nodes.reseller(context, resellerId);
    return page;
  }

  async ofGroup(context: RpcContext, query: ListGroupQueues): Promise<Page<QueueView>> {
    const page = await this.page(context.scope, query, sql`group_id = ${query.groupId}`);
    if (page.items.length === 0) await this.nodes.group(context, query.groupId);
    return page;
  }

  /** A user has no queues. */
  async countUnder(scope: TenantScope, { level, id }: CountQueuesUnder): Promise<QueuesUnder> {
    if (level === 'user') return { count: 0, mediaStreams: 0, agents: 0 };
    const under = sql`ended_at is null and ${recordsIn(scope)} and ${sql.ref(NODE_COLUMN[level])} = ${id}`;
    const [counts] = await this.db.query<QueuesUnder>(sql`
      select (select count(*)::int from queue where ${under}) as count,
             (select count(*)::int from media_stream where ${under}) as "mediaStreams",
             (select count(*)::int from agent_association where ${under}) as agents`);
    return counts!;
  }

  /** The queue with its row locked until the transaction ends. */
  lock(scope: TenantScope, id: string): Promise<RecordRow> {
    return this.row(scope, id, true);
  }

  private async add({ actor }: RpcContext, node: Node, name: string): Promise<QueueView> {
    return this.db.transactional(async () => {
      await this.nodes.hold(node);
      const { systemProviderId, resellerId, groupId } = node;
      const [row] = await this.db.query<RecordRow>(sql`
        insert into queue (id, system_provider_id, reseller_id, group_id, name, created_at)
        values (${newId()}, ${systemProviderId}, ${resellerId}, ${groupId}, ${name}, ${this.clock.now()})
        on conflict do nothing returning ${COLUMNS}`);
      if (!row) throw new QueueExists(name);
      await tell(this.outbox, actor, [row], { objectKind: 'queue', action: 'created' });
      return viewOf(row);
    });
  }

  private async rename(id: string, name: string): Promise<RecordRow> {
    try {
      const [row] = await this.db.query<RecordRow>(
        sql`update queue set name = ${name}, version = version + 1 where id = ${id} returning ${COLUMNS}`,
      );
      return row!;
    } catch (error) {
      throw uniqueViolation(error, 'queue_name_active') ? new QueueExists(name) : error;
    }
  }

  private async page(scope: TenantScope, query: ListQueues, where: ReturnType<typeof sql>): Promise<Page<QueueView>> {
    const rows = await this.db.query<RecordRow>(
      sql`select ${COLUMNS} from queue where ended_at is null and ${recordsIn(scope)} and ${where} ${byName(query)}`,
    );
    return pageOf(rows, query.limit ?? 50, (row) => [row.name, row.id], viewOf);
  }

  private async row(scope: TenantScope, id: string, lock = false): Promise<RecordRow> {
    const [row] = await this.db.query<RecordRow>(
      sql`select ${COLUMNS} from queue where id = ${id} and ended_at is null and ${recordsIn(scope)} ${lock ? sql`for update` : sql``}`,
    );
    if (!row) throw new NotFound('queue', id);
    return row;
  }
}

const COLUMNS = sql.raw(`
  id, system_provider_id as "systemProviderId", reseller_id as "resellerId", group_id as "groupId", name, version, created_at as "createdAt"`);

const viewOf = ({ groupId, createdAt, ...row }: RecordRow): QueueView => ({
  ...row,
  ...(groupId ? { groupId } : {}),
  createdAt: iso(createdAt),
});
