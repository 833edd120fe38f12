import { Inject, Injectable } from '@nestjs/common';
import { newId } from '@strowger/kernel';
import { Jobs } from '@strowger/jobs';
import { Db, sql } from '@strowger/persistence';
import { analyse } from '@strowger/sms';
import { logger } from '@strowger/telemetry';
import { FeedService } from '../feed/feed.service.js';
import { MESSAGE_COLUMNS, messageViewOf, type MessageRow } from '../messages/message.queries.js';
import { drainPlatform } from './drain.jobs.js';

export interface NewOutbound {
  id: string;
  numberId: string;
  remote: string;
  text: string;
  /** Our own answer to a keyword. */
  automatic?: boolean;
}

const log = logger('outbound');

/** Puts messages in line. The row is the queue of record; the job only says that there is something in it. */
@Injectable()
export class OutboundMessages {
  constructor(
    @Inject(Db) private readonly db: Db,
    @Inject(FeedService) private readonly feed: FeedService,
    @Inject(Jobs) private readonly jobs: Jobs,
  ) {}

  /** Stores the message as `queued` and shows it to its user. Joins the caller's transaction; a known id changes nothing. */
  async queue({ id, numberId, remote, text, automatic = false }: NewOutbound): Promise<MessageRow> {
    return this.db.transactional(async () => {
      const { encoding, segments } = analyse(text);
      const [thread] = await this.db.query<{ id: string; user_id: string }>(sql`
        insert into conversation (id, number_id, user_id, system_provider_id, reseller_id, group_id, number, remote, last_message_at)
        select ${newId()}::uuid, number_id, user_id, system_provider_id, reseller_id, group_id, e164, ${remote}, now() from owned_number where number_id = ${numberId}
        on conflict on constraint conversation_thread do update set last_message_at = now()
        returning id, user_id`);
      const userId = thread!.user_id;
      const position = (await this.feed.advance(new Map([[userId, 1]]))).get(userId)!;
      const [row] = await this.db.query<MessageRow>(sql`
        insert into message (id, conversation_id, number_id, user_id, system_provider_id, reseller_id, group_id, platform_id, direction, number, remote,
                             body, state, encoding, segments, created_at, feed_created, feed_seq, next_attempt_at, automatic)
        select ${id}::uuid, ${thread!.id}::uuid, number_id, user_id, system_provider_id, reseller_id, group_id, platform_id, 'outbound', e164, ${remote},
               ${text}, 'queued', ${encoding}, ${segments}, clock_timestamp(), ${position}, ${position}, now(), ${automatic}
        from owned_number where number_id = ${numberId}
        on conflict (id) do nothing returning ${MESSAGE_COLUMNS}`);
      if (!row) return (await this.find(id))!;
      this.db.afterCommit(() => this.feed.push([{ userId, type: 'message.created', message: messageViewOf(row) }]));
      this.wake(row.platformId);
      return row;
    });
  }

  async find(id: string): Promise<MessageRow | undefined> {
    const [row] = await this.db.query<MessageRow>(sql`select ${MESSAGE_COLUMNS} from message where id = ${id}`);
    return row;
  }

  /** After the commit: something is due at the platform. Lost with Redis, it is found by the sweep. */
  wake(platformId: string): void {
    this.db.afterCommit(() => {
      if (this.waking.has(platformId)) return;
      this.waking.add(platformId);
      // One job for all that commits in this turn.
      setImmediate(() => {
        this.waking.delete(platformId);
        this.jobs
          .add(drainPlatform, { platformId })
          .catch((error: unknown) => log.warn({ platformId, err: error }, 'drain-not-queued'));
      });
    });
  }

  private readonly waking = new Set<string>();
}
