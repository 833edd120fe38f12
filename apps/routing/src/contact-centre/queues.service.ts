import { Injectable } from '@nestjs/common';
import {
  routingRpc as rpc,
  type AddGroupQueue,
  type AddResellerQueue,
  type CountQueuesUnder,
  type FindQueue,
  type ListGroupQueues,
  type ListQueues,
  type ListResellerQueues,
  type QueuesUnder,
  type QueueView,
  type UpdateQueue,
} from '@strowger/contracts-routing';
import {
  checkVersion,
  Clock,
  newId,
  NotFound,
  pageOf,
  type Page,
  type RpcContext,
  type RpcRequest,
  type TenantScope,
} from '@strowger/kernel';
import { Db, Outbox, sql, uniqueViolation } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { QueueExists, QueueNotFound } from './contact-centre.errors.js';
import { EndingService } from './ending.service.js';
import { NodesService, type Node } from './nodes.service.js';
import { byName, iso, NODE_COLUMN, recordsIn, report, type RecordRow } from './records.js';

/** Queues of resellers and of groups; a name is unique among the active ones of its level. */
@Injectable()
export class QueuesService {
  constructor(
    private readonly db: Db,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly nodes: NodesService,
    private readonly ending: EndingService,
  ) {}

  @Answers(rpc.addResellerQueue)
  async addToReseller(request: RpcRequest<AddResellerQueue>): Promise<QueueView> {
    const { resellerId, name } = request.body;
    return this.add(request, await this.nodes.reseller(request, resellerId), name);
  }

  @Answers(rpc.addGroupQueue)
  async addToGroup(request: RpcRequest<AddGroupQueue>): Promise<QueueView> {
    const { groupId, name } = request.body;
    return this.add(request, await this.nodes.group(request, groupId), name);
  }

  @Answers(rpc.updateQueue)
  async update({ scope, actor, body }: RpcRequest<UpdateQueue>): Promise<QueueView> {
    const { id, version, name } = body;
    return this.db.transactional(async () => {
      const row = await this.lock(scope, id);
      checkVersion('queue', row, version);
      if (name === undefined || name === null || name === row.name) return viewOf(row);
      const renamed = await this.rename(id, name);
      const changes = { name: { from: row.name, to: name } };
      await report(this.outbox, actor, [renamed], { objectKind: 'queue', action: 'updated', changes });
      return viewOf(renamed);
    });
  }

  /** Its media streams go with it. */
  @Answers(rpc.deleteQueue)
  async delete({ scope, actor, body }: RpcRequest<{ id: string }>): Promise<null> {
    return this.db.transactional(async () => {
      await this.lock(scope, body.id);
      await this.ending.queue(actor, body.id);
      return null;
    });
  }

  @Answers(rpc.getQueue)
  async get({ scope, body }: RpcRequest<{ id: string }>): Promise<QueueView> {
    return viewOf(await this.row(scope, body.id));
  }

  @Answers(rpc.findQueue)
  async find({ scope, body }: RpcRequest<FindQueue>): Promise<QueueView> {
    const { resellerId, groupId, name } = body;
    const [row] = await this.db.query<RecordRow>(sql`
      select ${COLUMNS} from queue
      where ended_at is null and ${recordsIn(scope)} and reseller_id = ${resellerId} and coalesce(group_id, reseller_id) = ${groupId ?? resellerId}::uuid and name = ${name}`);
    if (!row) throw new QueueNotFound(name);
    return viewOf(row);
  }

  @Answers(rpc.listQueues)
  list({ scope, body }: RpcRequest<ListQueues>): Promise<Page<QueueView>> {
    return this.page(scope, body, sql`true`);
  }

  @Answers(rpc.listResellerQueues)
  async ofReseller(request: RpcRequest<ListResellerQueues>): Promise<Page<QueueView>> {
    const { resellerId } = request.body;
    const page = await this.page(request.scope, request.body, sql`reseller_id = ${resellerId} and group_id is null`);
    // Routing knows only who has queues; hierarchy knows whether the reseller exists.
    if (page.items.length === 0) await this.nodes.reseller(request, resellerId);
    return page;
  }

  @Answers(rpc.listGroupQueues)
  async ofGroup(request: RpcRequest<ListGroupQueues>): Promise<Page<QueueView>> {
    const { groupId } = request.body;
    const page = await this.page(request.scope, request.body, sql`group_id = ${groupId}`);
    if (page.items.length === 0) await this.nodes.group(request, groupId);
    return page;
  }

  /** A user has no queues. */
  @Answers(rpc.countQueuesUnder)
  async countUnder({ scope, body: { level, id } }: RpcRequest<CountQueuesUnder>): Promise<QueuesUnder> {
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
      await report(this.outbox, actor, [row], { objectKind: 'queue', action: 'created' });
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
