/**
 * Each user has a feed: every change of a message the user may see takes the next position. The positions of a user
 * are handed out under that row's lock, so a reader who has seen N has seen everything up to N.
 */
import { Injectable } from '@nestjs/common';
import {
  encodePush,
  pushSubject,
  routingRpc as rpc,
  type AckClient,
  type FeedHeads,
  type MessageView,
  type SyncClient,
  type SyncView,
} from '@strowger/contracts-routing';
import { AppError, NotFound, type RpcRequest } from '@strowger/kernel';
import { Messaging } from '@strowger/messaging';
import { Db, sql } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { traceparent } from '@strowger/telemetry';
import { headers, type MsgHdrs } from '@nats-io/nats-core';
import { messageViewOf, MESSAGE_COLUMNS, type MessageRow } from './message.js';

/** The cursor is beyond the end of the feed: the client received it before the database was restored. */
export class CursorAhead extends AppError {
  constructor(cursor: number, head: number) {
    super(
      'conflict',
      'cursor-ahead',
      `The cursor ${cursor} lies beyond the end of the feed, which is at ${head}. Forget what you have and start again from 0.`,
      { head },
    );
  }
}

export interface Push {
  userId: string;
  type: 'message.created' | 'message.updated';
  message: MessageView;
}

@Injectable()
export class FeedService {
  constructor(
    private readonly db: Db,
    private readonly messaging: Messaging,
  ) {}

  /** Takes `count` positions per user, in the caller's transaction. Returns the last one of each. */
  async advance(counts: ReadonlyMap<string, number>): Promise<Map<string, number>> {
    // Always in the same order, so that two batches never wait for each other.
    const users = [...counts.keys()].sort();
    if (users.length === 0) return new Map();
    const rows = await this.db.query<{ user_id: string; head: number }>(sql`
      insert into user_feed (user_id, head) select * from unnest(${users}::uuid[], ${users.map((u) => counts.get(u)!)}::bigint[])
      on conflict (user_id) do update set head = user_feed.head + excluded.head
      returning user_id, head::float8 as head`);
    return new Map(rows.map((row) => [row.user_id, row.head]));
  }

  /** Shows the rows to their users once the transaction the caller is in has committed. */
  pushAfterCommit(type: Push['type'], rows: readonly MessageRow[]): void {
    this.db.afterCommit(() =>
      this.push(
        rows
          .filter((row) => row.feedSeq !== null)
          .map((row) => ({ userId: row.userId, type, message: messageViewOf(row) })),
      ),
    );
  }

  /** Notifies connected clients. A hint: a client that misses it finds the change with its cursor. Call after the commit. */
  push(pushes: readonly Push[]): void {
    if (!this.messaging.connected) return;
    const trace = traceparent();
    for (const { userId, type, message } of pushes)
      this.messaging.nc.publish(
        pushSubject(userId),
        encodePush(message.cursor, JSON.stringify({ type, cursor: message.cursor, message })),
        trace === undefined ? undefined : { headers: tracedBy(trace) },
      );
  }

  /**
   * What changed for the user after the cursor, oldest change first, each message once with its newest state. A message
   * that changed while the client was paging may come as an update only: every item is whole, so a client puts it in place.
   */
  @Answers(rpc.syncClient)
  async sync({ scope, body }: RpcRequest<SyncClient>): Promise<SyncView> {
    const { userId, cursor = 0, limit = 200 } = body;
    if (scope.level !== 'user' || scope.id !== userId) throw new NotFound('user', userId);
    const [feed] = await this.db.query<{ head: number }>(
      sql`select head::float8 as head from user_feed where user_id = ${userId}`,
    );
    const head = feed?.head ?? 0;
    if (cursor > head) throw new CursorAhead(cursor, head);
    if (cursor === head) return { items: [], cursor: head, more: false };
    const rows = await this.db.query<MessageRow>(sql`
      select ${MESSAGE_COLUMNS} from message where user_id = ${userId} and feed_seq > ${cursor} order by feed_seq limit ${limit + 1}`);
    const more = rows.length > limit;
    const items = rows.slice(0, limit).map((row) => ({
      type:
        row.feedCreated !== null && row.feedCreated > cursor
          ? ('message.created' as const)
          : ('message.updated' as const),
      message: messageViewOf(row),
    }));
    // A message deleted since leaves its position empty, so at the end of the feed the client's cursor is the head.
    return {
      items,
      cursor: more ? items.at(-1)!.message.cursor : Math.max(head, items.at(-1)?.message.cursor ?? 0),
      more,
    };
  }

  /** For services; a user may ask only for its own feed. */
  @Answers(rpc.feedHeads)
  async heads({ scope, body: { userIds } }: RpcRequest<FeedHeads>): Promise<Record<string, number>> {
    const rows = await this.db.query<{ user_id: string; head: number }>(
      sql`select user_id, head::float8 as head from user_feed where user_id = any(${userIds.filter((id) => scope.level === 'platform' || (scope.level === 'user' && scope.id === id))}::uuid[])`,
    );
    return Object.fromEntries(rows.map((row) => [row.user_id, row.head]));
  }

  /** The client has shown everything up to the cursor; the mark only moves forward. */
  @Answers(rpc.ackClient)
  async ack({ scope, body: { userId, cursor } }: RpcRequest<AckClient>): Promise<null> {
    if (scope.level !== 'user' || scope.id !== userId) throw new NotFound('user', userId);
    await this.db.query(
      sql`update user_feed set acked = least(${cursor}::bigint, head) where user_id = ${userId} and acked < ${cursor}`,
    );
    return null;
  }
}

function tracedBy(trace: string): MsgHdrs {
  const head = headers();
  head.set('traceparent', trace);
  return head;
}
