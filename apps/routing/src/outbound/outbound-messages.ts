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
      const [row] = await this.db.query<MessageRow>(sql`
        with owned as (select * from owned_number where number_id = ${numberId}),
        thread as (
          insert into conversation (id, number_id, user_id, system_provider_id, reseller_id, group_id, number, remote, last_message_at)
          select ${newId()}::uuid, number_id, user_id, system_provider_id, reseller_id, group_id, e164, ${remote}, now() from owned
          on conflict on constraint conversation_thread do update set last_message_at = now() returning id),
        feed as (
          insert into user_feed (user_id, head) select user_id, 1 from owned
          on conflict (user_id) do update set head = user_feed.head + 1 returning head)
        insert into message (id, conversation_id, number_id, user_id, system_provider_id, reseller_id, group_id, platform_id, direction, number, remote,
                             body, state, encoding, segments, created_at, feed_created, feed_seq, next_attempt_at, automatic)
        select ${id}::uuid, thread.id, number_id, user_id, system_provider_id, reseller_id, group_id, platform_id, 'outbound', e164, ${remote},
               ${text}, 'queued', ${encoding}, ${segments}, clock_timestamp(), feed.head, feed.head, now(), ${automatic}
        from owned, thread, feed
        on conflict (id) do nothing returning ${MESSAGE_COLUMNS}`);
      if (!row) return (await this.find(id))!;
      this.db.afterCommit(() =>
        this.feed.push([{ userId: row.userId, type: 'message.created', message: messageViewOf(row) }]),
      );
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
