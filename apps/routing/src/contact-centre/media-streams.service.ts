import { Injectable } from '@nestjs/common';
import {
  routingRpc as rpc,
  type AddMediaStream,
  type FindMediaStream,
  type ListMediaStreams,
  type ListQueueMediaStreams,
  type MediaStreamType,
  type MediaStreamView,
  type UpdateMediaStream,
} from '@strowger/contracts-routing';
import {
  checkVersion,
  Clock,
  newId,
  NotFound,
  pageOf,
  type Page,
  type RpcRequest,
  type TenantScope,
} from '@strowger/kernel';
import { Db, Outbox, sql, uniqueViolation } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { MediaStreamExists, MediaStreamNotFound, NumberAlreadyAssigned } from './contact-centre.errors.js';
import { EndingService } from './ending.service.js';
import { numberFor } from './media-stream-number.js';
import { QueuesService } from './queues.service.js';
import { byName, iso, recordsIn, report, type RecordRow } from './records.js';

interface MediaStreamRow extends RecordRow {
  queueId: string;
  type: MediaStreamType;
  number: string | null;
}
type Shown = Pick<MediaStreamRow, 'name' | 'type' | 'number'>;

/** Entries into queues. A name is unique in its queue, a number in the installation, each among the active streams. */
@Injectable()
export class MediaStreamsService {
  constructor(
    private readonly db: Db,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly queues: QueuesService,
    private readonly ending: EndingService,
  ) {}

  @Answers(rpc.addMediaStream)
  async add({ scope, actor, body }: RpcRequest<AddMediaStream>): Promise<MediaStreamView> {
    const { queueId, name, type } = body;
    const number = numberFor(type, body.number);
    return this.db.transactional(async () => {
      const queue = await this.queues.lock(scope, queueId);
      await this.mustBeFree(number);
      const row = await this.unique({ name, type, number }, () =>
        this.db.query<MediaStreamRow>(sql`
          insert into media_stream (id, queue_id, system_provider_id, reseller_id, group_id, name, type, number, created_at)
          values (${newId()}, ${queueId}, ${queue.systemProviderId}, ${queue.resellerId}, ${queue.groupId}, ${name}, ${type}, ${number}, ${this.clock.now()})
          returning ${COLUMNS}`),
      );
      const changes = { queue: queue.name, type, ...(number ? { number } : {}) };
      await report(this.outbox, actor, [row], { objectKind: 'media-stream', action: 'created', changes });
      return viewOf(row);
    });
  }

  @Answers(rpc.updateMediaStream)
  async update({ scope, actor, body: given }: RpcRequest<UpdateMediaStream>): Promise<MediaStreamView> {
    return this.db.transactional(async () => {
      const row = await this.row(scope, given.id, true);
      checkVersion('media stream', row, given.version);
      const type = given.type ?? row.type;
      const next: Shown = {
        name: given.name ?? row.name,
        type,
        number: numberFor(type, given.number === undefined ? row.number : given.number),
      };
      const changes = Object.fromEntries(
        FIELDS.filter((field) => next[field] !== row[field]).map((field) => [
          field,
          { from: row[field], to: next[field] },
        ]),
      );
      if (Object.keys(changes).length === 0) return viewOf(row);
      if (next.number !== row.number) await this.mustBeFree(next.number);
      const changed = await this.unique(next, () =>
        this.db.query<MediaStreamRow>(sql`
          update media_stream set name = ${next.name}, type = ${next.type}, number = ${next.number}, version = version + 1
          where id = ${given.id} returning ${COLUMNS}`),
      );
      await report(this.outbox, actor, [changed], { objectKind: 'media-stream', action: 'updated', changes });
      return viewOf(changed);
    });
  }

  @Answers(rpc.deleteMediaStream)
  async delete({ scope, actor, body }: RpcRequest<{ id: string }>): Promise<null> {
    return this.db.transactional(async () => {
      await this.row(scope, body.id, true);
      await this.ending.mediaStream(actor, body.id);
      return null;
    });
  }

  @Answers(rpc.getMediaStream)
  async get({ scope, body }: RpcRequest<{ id: string }>): Promise<MediaStreamView> {
    return viewOf(await this.row(scope, body.id));
  }

  @Answers(rpc.findMediaStream)
  async find({ scope, actor, body }: RpcRequest<FindMediaStream>): Promise<MediaStreamView> {
    const { queueName, name, ...level } = body;
    const queue = await this.queues.find({ scope, actor, body: { ...level, name: queueName } });
    const [row] = await this.db.query<MediaStreamRow>(
      sql`select ${COLUMNS} from media_stream where queue_id = ${queue.id} and name = ${name} and ended_at is null`,
    );
    if (!row) throw new MediaStreamNotFound(name);
    return viewOf(row);
  }

  @Answers(rpc.listMediaStreams)
  list({ scope, body }: RpcRequest<ListMediaStreams>): Promise<Page<MediaStreamView>> {
    return this.page(scope, body, sql`true`);
  }

  @Answers(rpc.listQueueMediaStreams)
  async ofQueue({ scope, actor, body }: RpcRequest<ListQueueMediaStreams>): Promise<Page<MediaStreamView>> {
    const { queueId } = body;
    const page = await this.page(scope, body, sql`queue_id = ${queueId}`);
    if (page.items.length === 0) await this.queues.get({ scope, actor, body: { id: queueId } });
    return page;
  }

  /** A number serves one owner: a user, or one media stream. */
  private async mustBeFree(number: string | null): Promise<void> {
    if (number === null) return;
    const taken = await this.db.query(sql`select 1 from owned_number where e164 = ${number} and active limit 1`);
    if (taken.length > 0) throw new NumberAlreadyAssigned(number);
  }

  /** The row written, or what it collides with. */
  private async unique({ name, number }: Shown, write: () => Promise<MediaStreamRow[]>): Promise<MediaStreamRow> {
    try {
      const [row] = await write();
      return row!;
    } catch (error) {
      if (uniqueViolation(error, 'media_stream_name_active')) throw new MediaStreamExists(name);
      if (uniqueViolation(error, 'media_stream_number_active')) throw new NumberAlreadyAssigned(number ?? '');
      throw error;
    }
  }

  private async page(
    scope: TenantScope,
    query: ListMediaStreams,
    where: ReturnType<typeof sql>,
  ): Promise<Page<MediaStreamView>> {
    const rows = await this.db.query<MediaStreamRow>(
      sql`select ${COLUMNS} from media_stream where ended_at is null and ${recordsIn(scope)} and ${where} ${byName(query)}`,
    );
    return pageOf(rows, query.limit ?? 50, (row) => [row.name, row.id], viewOf);
  }

  private async row(scope: TenantScope, id: string, lock = false): Promise<MediaStreamRow> {
    const [row] = await this.db.query<MediaStreamRow>(
      sql`select ${COLUMNS} from media_stream where id = ${id} and ended_at is null and ${recordsIn(scope)} ${lock ? sql`for update` : sql``}`,
    );
    if (!row) throw new NotFound('media-stream', id);
    return row;
  }
}

const FIELDS = ['name', 'type', 'number'] as const;

const COLUMNS = sql.raw(`
  id, queue_id as "queueId", system_provider_id as "systemProviderId", reseller_id as "resellerId", group_id as "groupId", name, type, number,
  version, created_at as "createdAt"`);

const viewOf = ({ groupId, number, createdAt, ...row }: MediaStreamRow): MediaStreamView => ({
  ...row,
  ...(groupId ? { groupId } : {}),
  ...(number ? { number } : {}),
  createdAt: iso(createdAt),
});
