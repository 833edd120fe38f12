/** Stores messages and moves them on: each method works on a batch, in the caller's transaction where there is one. */
import { Injectable } from '@nestjs/common';
import type { MessageFailure } from '@strowger/contracts-routing';
import { Clock, newId } from '@strowger/kernel';
import { arrayLiteral, Db, sql } from '@strowger/persistence';
import { analyze } from '@strowger/sms';
import type { Insertable } from 'kysely';
import { FeedService } from './feed.service.js';
import {
  changesOf,
  COLUMN_TYPES,
  mayChange,
  MESSAGE_COLUMNS,
  transition,
  type Cause,
  type MessageRow,
  type MessageTable,
  type MessageTables,
} from './message.js';

/** A text from a carrier, ready to be stored. */
export interface Arrival {
  id: string;
  message: {
    platformId: string;
    carrierMessageId: string;
    from: string;
    to: string;
    text: string;
    receivedAt: string;
    suspectEncoding?: true;
  };
  encoding: 'GSM-7' | 'UCS-2';
  segments: number;
}

/** An arrival whose number has an owner. */
export interface OwnedArrival extends Arrival {
  numberId: string;
  userId: string;
  systemProviderId: string;
  resellerId: string;
  groupId: string;
  /** Without it the message is held. */
  entitled: boolean;
}

/** What `storeUsual` answers of an arrival: nulls where it did not store it. */
export type Placed =
  | { known: boolean; userId: string; conversationId: string; position: number }
  | { known: boolean; userId: null; conversationId: null; position: null };

/** Where an arrival was stored. */
export interface Place {
  conversationId: string;
  /** In the user's feed; null while the user must not see it. */
  position: number | null;
}

/** One message to be moved, as it was read. */
export interface Move {
  message: MessageRow;
  cause: Cause;
  /** When to look at it again, where the cause leaves that to the caller. */
  again?: Date | null;
  failure?: MessageFailure | null;
}

@Injectable()
export class MessageStore {
  constructor(
    private readonly db: Db,
    private readonly feed: FeedService,
    private readonly clock: Clock,
  ) {}

  /**
   * Stores the usual arrivals with one statement. Returns one answer per arrival, in order: where it is now, or that it was
   * known before, or nulls when it needs a closer look (see the migration of `store_inbound`).
   */
  async storeUsual(arrivals: readonly Arrival[]): Promise<Placed[]> {
    const column = (of: (arrival: Arrival) => string | number): string => arrayLiteral(arrivals.map(of));
    return this.db.query<Placed>(sql`
      select known, user_id as "userId", conversation_id as "conversationId", position::float8 as position from store_inbound(
        ${column((a) => a.id)}::uuid[], ${column(() => newId())}::uuid[], ${column((a) => a.message.platformId)}::uuid[],
        ${column((a) => a.message.to)}::text[], ${column((a) => a.message.from)}::text[], ${column((a) => a.message.carrierMessageId)}::text[],
        ${column((a) => a.message.text)}::text[], ${column((a) => a.encoding)}::text[], ${column((a) => a.segments)}::smallint[],
        ${column((a) => a.message.receivedAt)}::timestamptz[])`);
  }

  /** Returns what was stored now, in order. */
  async storeOwned<T extends OwnedArrival>(arrivals: readonly T[]): Promise<(T & Place)[]> {
    if (arrivals.length === 0) return [];
    const conversations = await this.conversationsOf(arrivals);
    const positions = await this.positions(arrivals.map(({ userId, entitled }) => ({ userId, seen: entitled })));
    const rows = arrivals.map((arrival, i) => ({
      ...arrival,
      position: positions[i]!,
      conversationId: conversations.get(threadKey(arrival.numberId, arrival.message.from))!,
    }));
    const { columns, values } = batchOf({
      id: rows.map((r) => r.id),
      conversation_id: rows.map((r) => r.conversationId),
      number_id: rows.map((r) => r.numberId),
      user_id: rows.map((r) => r.userId),
      system_provider_id: rows.map((r) => r.systemProviderId),
      reseller_id: rows.map((r) => r.resellerId),
      group_id: rows.map((r) => r.groupId),
      platform_id: rows.map((r) => r.message.platformId),
      direction: rows.map(() => 'inbound'),
      number: rows.map((r) => r.message.to),
      remote: rows.map((r) => r.message.from),
      body: rows.map((r) => r.message.text),
      state: rows.map((r) => (r.entitled ? 'received' : 'held')),
      encoding: rows.map((r) => r.encoding),
      segments: rows.map((r) => r.segments),
      created_at: rows.map((r) => r.message.receivedAt),
      carrier_message_id: rows.map((r) => r.message.carrierMessageId),
      feed_created: rows.map((r) => r.position),
      feed_seq: rows.map((r) => r.position),
      reread: rows.map((r) => r.message.suspectEncoding ?? false),
    });
    // A batch running elsewhere may have stored some of these since they were looked up; their positions stay empty.
    const inserted = await this.db.query<{ id: string }>(
      sql`insert into message (${columns}) select * from ${values} on conflict do nothing returning id`,
    );
    const fresh = new Set(inserted.map((row) => row.id));
    return rows.filter((row) => fresh.has(row.id));
  }

  /** Moves messages on and shows it to their users. A message stays if the cause may not move it or it has moved since it was read. */
  async move(moves: readonly Move[]): Promise<MessageRow[]> {
    const at = this.clock.now();
    const allowed = moves.flatMap((move) => {
      const change = transition(move.message, move.cause, at, move);
      return change ? [{ message: move.message, change }] : [];
    });
    if (allowed.length === 0) return [];
    const column = (of: (one: (typeof allowed)[number]) => string | number | boolean | null): string =>
      arrayLiteral(allowed.map(of));
    // Messages before feeds, each in order, as everywhere, so no two transactions wait for each other.
    const moved = await this.db.query<MessageRow>(
      sql`
      with given as materialized (
        select * from unnest(${column(({ message }) => message.id)}::uuid[], ${column(({ message }) => message.userId)}::uuid[], ${column(({ message }) => message.feedSeq !== null)}::boolean[],
                             ${column(({ message }) => message.state)}::text[], ${column(({ change }) => change.state)}::text[],
                             ${column(({ change }) => (change.failure ? JSON.stringify(change.failure) : null))}::jsonb[], ${column(({ change }) => change.attempts)}::smallint[],
                             ${column(({ change }) => change.nextAttemptAt?.toISOString() ?? null)}::timestamptz[]) with ordinality
          as g(id, user_id, seen, was, state, failure, attempts, again, at)),
      locked as materialized (select id from message where id in (select id from given) order by id for update),
      feed as (
        insert into user_feed (user_id, head)
        select user_id, count(*) from given where seen and (select count(*) from locked) > 0 group by user_id order by user_id
        on conflict (user_id) do update set head = user_feed.head + excluded.head
        returning user_id, head),
      placed as (
        select g.*, case when seen then f.head - count(*) over user_rows + row_number() over (partition by g.user_id, g.seen order by g.at) end as position
        from given g left join feed f on f.user_id = g.user_id window user_rows as (partition by g.user_id, g.seen))
      update message set state = t.state, failure = t.failure, attempts = t.attempts, next_attempt_at = t.again, feed_seq = coalesce(t.position, message.feed_seq)
      from placed t
      where message.id = t.id and message.state = t.was
      returning ${MESSAGE_COLUMNS}`,
    );
    this.feed.pushAfterCommit('message.updated', moved);
    return moved;
  }

  /** The user may have messages now: what was held shows up, in the order it came. */
  async releaseHeld(userId: string): Promise<void> {
    await this.db.transactional(async () => {
      const held = await this.db.query<{ id: string }>(sql`
        select id from message where user_id = ${userId} and ${mayChange('message', 'licensed')} order by created_at, id for update`);
      if (held.length === 0) return;
      const positions = await this.positions(held.map(() => ({ userId, seen: true })));
      const shown = await this.db.query<MessageRow>(sql`
        update message set ${changesOf('licensed')}, feed_created = p.position, feed_seq = p.position
        from (select * from unnest(${held.map((m) => m.id)}::uuid[], ${positions}::bigint[]) as u(held_id, position)) p
        where id = p.held_id returning ${MESSAGE_COLUMNS}`);
      shown.sort((a, b) => a.feedSeq! - b.feedSeq!);
      this.feed.pushAfterCommit('message.created', shown);
    });
  }

  /** The text was read again: `original` is the carrier's own record of it, absent when it has none. A correction is shown. */
  async correct(id: string, original: string | undefined): Promise<void> {
    await this.db.transactional(async () => {
      const [row] = await this.db.query<MessageRow>(
        sql`update message set reread = false where id = ${id} returning ${MESSAGE_COLUMNS}`,
      );
      if (!row || original === undefined || row.body === original) return;
      const { encoding, segments } = analyze(original);
      const [position] = await this.positions([{ userId: row.userId, seen: row.feedSeq !== null }]);
      const corrected = await this.db.query<MessageRow>(sql`
        update message set body = ${original}, encoding = ${encoding}, segments = ${segments}, feed_seq = ${position}
        where id = ${id} returning ${MESSAGE_COLUMNS}`);
      this.feed.pushAfterCommit('message.updated', corrected);
    });
  }

  /** A message stored under our own fingerprint takes the id the carrier gave it. */
  async identify(id: string, carrierMessageId: string): Promise<void> {
    await this.tables
      .updateTable('message')
      .set({ carrier_message_id: carrierMessageId })
      .where('id', '=', id)
      .where('direction', '=', 'inbound')
      .execute();
  }

  /** The ended assignment's conversations go with it, and all that was said and tried in them. */
  async deleteOfNumber(numberId: string): Promise<void> {
    await this.db.transactional(async () => {
      const conversations = await this.db.query<{ id: string }>(
        sql`select id from conversation where number_id = ${numberId} order by id for update`,
      );
      if (conversations.length === 0) return;
      const ids = conversations.map(({ id }) => id);
      // The carrier's list still has them; the number's next owner must not get them from there.
      await this.db.query(sql`
        insert into dismissed (platform_id, carrier_message_id, number)
        select platform_id, carrier_message_id, number from message where conversation_id = any(${ids}::uuid[]) and direction = 'inbound'
        on conflict do nothing`);
      const ofThem = sql<boolean>`message.conversation_id = any(${ids}::uuid[])`;
      await this.tables
        .deleteFrom('send_attempt')
        .using('message')
        .whereRef('send_attempt.message_id', '=', 'message.id')
        .where(ofThem)
        .execute();
      await this.tables.deleteFrom('message').where(ofThem).execute();
      await this.db.query(sql`delete from conversation where id = any(${ids}::uuid[])`);
    });
  }

  private get tables() {
    return this.db.em().getKysely<MessageTables>();
  }

  /** One conversation per (owned number, remote number), by constraint. */
  private async conversationsOf(arrivals: readonly OwnedArrival[]): Promise<Map<string, string>> {
    const wanted = new Map(arrivals.map((a) => [threadKey(a.numberId, a.message.from), a]));
    const threads = [...wanted.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, arrival]) => arrival);
    const rows = await this.db.query<{ id: string; number_id: string; remote: string }>(sql`
      insert into conversation (id, number_id, user_id, system_provider_id, reseller_id, group_id, number, remote, last_message_at)
      select * from unnest(${threads.map(() => newId())}::uuid[], ${threads.map((t) => t.numberId)}::uuid[], ${threads.map((t) => t.userId)}::uuid[],
                           ${threads.map((t) => t.systemProviderId)}::uuid[], ${threads.map((t) => t.resellerId)}::uuid[], ${threads.map((t) => t.groupId)}::uuid[],
                           ${threads.map((t) => t.message.to)}::text[], ${threads.map((t) => t.message.from)}::text[], ${threads.map((t) => t.message.receivedAt)}::timestamptz[])
      on conflict on constraint conversation_thread do update set last_message_at = greatest(conversation.last_message_at, excluded.last_message_at)
      returning id, number_id, remote`);
    return new Map(rows.map((row) => [threadKey(row.number_id, row.remote), row.id]));
  }

  /** The next place in its user's feed for each, in order; null for what its user must not see. */
  private async positions(of: readonly { userId: string; seen: boolean }[]): Promise<(number | null)[]> {
    const counts = new Map<string, number>();
    for (const { userId, seen } of of) if (seen) counts.set(userId, (counts.get(userId) ?? 0) + 1);
    const heads = await this.feed.advance(counts);
    const next = new Map([...heads].map(([userId, head]) => [userId, head - counts.get(userId)! + 1]));
    return of.map(({ userId, seen }) => {
      if (!seen) return null;
      const position = next.get(userId)!;
      next.set(userId, position + 1);
      return position;
    });
  }
}

const threadKey = (numberId: string, remote: string): string => `${numberId} ${remote}`;

type Row = Insertable<MessageTable>;

/** For `insert into message (columns) select * from values`: many rows, given column by column. */
function batchOf(given: { [C in keyof Row]?: readonly Row[C][] }) {
  const columns = Object.keys(given) as (keyof MessageTable)[];
  const arrays = columns.map((column) => sql`${given[column]}::${sql.raw(COLUMN_TYPES[column])}[]`);
  return { columns: sql.raw(columns.join(', ')), values: sql`unnest(${sql.join(arrays)})` };
}
