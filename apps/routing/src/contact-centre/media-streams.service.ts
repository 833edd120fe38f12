import { Inject, Injectable } from '@nestjs/common';
import type {
  AddMediaStream,
  FindMediaStream,
  ListMediaStreams,
  ListQueueMediaStreams,
  MediaStreamType,
  MediaStreamView,
  UpdateMediaStream,
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
import { MediaStreamExists, MediaStreamNotFound, NumberAlreadyAssigned } from './contact-centre.errors.js';
import { EndingService } from './ending.service.js';
import { numberFor } from './media-stream-number.js';
import { QueuesService } from './queues.service.js';
import { byName, iso, recordsIn, tell, type RecordRow } from './records.js';

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
    @Inject(Db) private readonly db: Db,
    @Inject(Outbox) private readonly outbox: Outbox,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(QueuesService) private readonly queues: QueuesService,
    @Inject(EndingService) private readonly ending: EndingService,
  ) {}

  async add({ scope, actor }: RpcContext, given: AddMediaStream): Promise<MediaStreamView> {
    const { queueId, name, type } = given;
    const number = numberFor(type, given.number);
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
      await tell(this.outbox, actor, [row], { objectKind: 'media-stream', action: 'created', changes });
      return viewOf(row);
    });
  }

  async update({ scope, actor }: RpcContext, given: UpdateMediaStream): Promise<MediaStreamView> {
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
      await tell(this.outbox, actor, [changed], { objectKind: 'media-stream', action: 'updated', changes });
      return viewOf(changed);
    });
  }

  async delete({ scope, actor }: RpcContext, id: string): Promise<void> {
    await this.db.transactional(async () => {
      await this.row(scope, id, true);
      await this.ending.mediaStream(actor, id);
    });
  }

  async get(scope: TenantScope, id: string): Promise<MediaStreamView> {
    return viewOf(await this.row(scope, id));
  }

  async find(scope: TenantScope, { queueName, name, ...level }: FindMediaStream): Promise<MediaStreamView> {
    const queue = await this.queues.find(scope, { ...level, name: queueName });
    const [row] = await this.db.query<MediaStreamRow>(
      sql`select ${COLUMNS} from media_stream where queue_id = ${queue.id} and name = ${name} and ended_at is null`,
    );
    if (!row) throw new MediaStreamNotFound(name);
    return viewOf(row);
  }

  list(scope: TenantScope, query: ListMediaStreams): Promise<Page<MediaStreamView>> {
    return this.page(scope, query, sql`true`);
  }

  async ofQueue(scope: TenantScope, query: ListQueueMediaStreams): Promise<Page<MediaStreamView>> {
    const page = await this.page(scope, query, sql`queue_id = ${query.queueId}`);
    if (page.items.length === 0) await this.queues.get(scope, query.queueId);
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
