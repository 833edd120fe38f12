/** Messages that are being sent and the journal of their attempts, which are written together: each method works on a batch. */
import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { MessageFailure } from '@strowger/contracts-routing';
import { Clock, newId } from '@strowger/kernel';
import { arrayLiteral, Db, sql } from '@strowger/persistence';
import { isFinal, type MessageState } from '@strowger/sms';
import {
  changesOf,
  LEASE_SECONDS,
  mayChange,
  MESSAGE_COLUMNS,
  partsOf,
  type Cause,
  type MessageRow,
  type PartState,
} from './message.js';
import { MessageStore, type Move } from './message.store.js';

/** One part of a message at the carrier. */
export interface Attempt {
  id: string;
  messageId: string;
  part: number;
  attempt: number;
  text: string;
  state: MessageState;
  carrierMessageId: string | null;
  probes: number;
  startedAt: Date;
}
export interface Claimed {
  message: MessageRow;
  parts: Attempt[];
  encoding: 'GSM-7' | 'UCS-2';
  /** What has changed since the message was queued. */
  allowed: 'yes' | 'number-released' | 'opted-out';
}
/** What happened to one claimed message. */
export interface Outcome {
  message: MessageRow;
  parts: Pick<Attempt, 'id' | 'state' | 'carrierMessageId' | 'probes'>[];
  carrierStatus?: string;
  error?: string;
  cause: Cause;
  failure?: MessageFailure;
  /** When to look at it again; null when nothing is left to do. */
  again: Date | null;
}
/** An attempt that the carrier took, as receipts find it. */
export interface TakenAttempt {
  id: string;
  messageId: string;
  platformId: string;
  carrierMessageId: string;
  part: number;
  state: MessageState;
  /** Of the platform: whose words its receipts are. */
  kind: string;
}
/** An attempt the carrier took, whose last receipt has not come. */
export interface Overdue {
  id: string;
  messageId: string;
  platformId: string;
  carrierMessageId: string;
  /** It is not looked up again. */
  last: boolean;
}
/** What a receipt says of an attempt. */
export interface Report {
  attemptId: string;
  messageId: string;
  state: MessageState;
  /** Verbatim. */
  status: string;
  errorCode?: string;
}

const SENDER_LEASE_SECONDS = 30;

@Injectable()
export class SendingStore {
  readonly me = randomUUID();

  constructor(
    private readonly db: Db,
    private readonly messages: MessageStore,
    private readonly clock: Clock,
  ) {}

  /**
   * Takes or keeps the right to send for a platform. A process that takes it over looks at once for what the dead process
   * left half-sent: waiting until those messages' own leases end would delay their conversations for minutes.
   */
  async lease(platformId: string): Promise<{ ratePerSecond: number } | undefined> {
    return this.db.transactional(async () => {
      const [row] = await this.db.query<{ rate: number; before: string | null }>(sql`
        with held as (select sender from platform where platform_id = ${platformId} for update)
        update platform set sender = ${this.me}, sender_until = now() + ${SENDER_LEASE_SECONDS} * interval '1 second'
        from held
        where platform_id = ${platformId} and not deleted and (platform.sender = ${this.me} or sender_until is null or sender_until < now())
        returning rate_per_second as rate, held.sender as before`);
      if (row?.before && row.before !== this.me)
        await this.db.query(
          sql`update message set next_attempt_at = now() where platform_id = ${platformId} and state = 'submitting' and next_attempt_at > now()`,
        );
      return row && { ratePerSecond: row.rate };
    });
  }

  /** Renews the leases of messages that a long round still works on. */
  async renew(platformId: string, messageIds: readonly string[]): Promise<void> {
    await this.lease(platformId);
    await this.db.query(sql`
      update message set next_attempt_at = now() + ${LEASE_SECONDS} * interval '1 second'
      where id = any(${messageIds}::uuid[]) and ${mayChange('message', 'searched')} and next_attempt_at > now()`);
  }

  async giveBack(platformId: string): Promise<void> {
    await this.db.query(
      sql`update platform set sender = null, sender_until = null where platform_id = ${platformId} and sender = ${this.me}`,
    );
  }

  /**
   * Takes due messages, oldest first, except those of exhausted numbers, and journals an attempt per part before anything
   * is sent. A conversation keeps its order: a message waits while an earlier one of it is not finished.
   */
  async claim(platformId: string, limit: number, exhausted: readonly string[]): Promise<Claimed[]> {
    return this.db.transactional(async (): Promise<Claimed[]> => {
      const rows = await this.db.query<MessageRow & Pick<Claimed, 'allowed'>>(
        sql`
        with held as materialized (
          select conversation_id, min(created_at) as since from (
            select conversation_id, created_at from message where platform_id = ${platformId} and ${mayChange('message', 'searched')} and next_attempt_at is not null
            union all
            select conversation_id, created_at from message where platform_id = ${platformId} and next_attempt_at > now()) h
          group by conversation_id),
        taken as materialized (
          select m.id, m.number_id, m.number, m.remote from message m
          where m.platform_id = ${platformId} and ${mayChange('m', 'claimed')} and m.next_attempt_at <= now() and m.number <> all(${exhausted}::text[])
            and not exists (select 1 from held where held.conversation_id = m.conversation_id and held.since <= m.created_at)
          order by m.created_at, m.id limit ${limit} for update of m skip locked),
        due as (
          select t.id, n.active, o.id as opt_out from taken t
          join owned_number n on n.number_id = t.number_id
          left join opt_out o on o.number = t.number and o.remote = t.remote and o.cleared_at is null)
        update message set ${changesOf('claimed')}
        from due where message.id = due.id
        returning ${MESSAGE_COLUMNS}, case when not due.active then 'number-released' when due.opt_out is not null then 'opted-out' else 'yes' end as allowed`,
      );
      if (rows.length === 0) return [];
      rows.sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
      const through = await this.acceptedParts(rows.filter((row) => row.attempts > 1).map((row) => row.id));
      const startedAt = this.clock.now();
      const claimed = rows.map(({ allowed, ...message }) => {
        return {
          message,
          encoding: message.encoding,
          allowed,
          parts: partsOf(message).flatMap((text, part) =>
            through.has(`${message.id} ${part}`)
              ? []
              : [
                  {
                    id: newId(),
                    messageId: message.id,
                    part,
                    attempt: message.attempts,
                    text,
                    state: 'submitting' as const,
                    carrierMessageId: null,
                    probes: 0,
                    startedAt,
                  },
                ],
          ),
        };
      });
      const attempts = claimed.flatMap(({ parts }) => parts);
      await this.db.query(
        sql`
        insert into send_attempt (id, message_id, platform_id, part, attempt, state, started_at)
        select t.id, t.message_id, ${platformId}::uuid, t.part, t.attempt, 'submitting', now()
        from unnest(${arrayLiteral(attempts.map((a) => a.id))}::uuid[], ${arrayLiteral(attempts.map((a) => a.messageId))}::uuid[],
                    ${arrayLiteral(attempts.map((a) => a.part))}::smallint[], ${arrayLiteral(attempts.map((a) => a.attempt))}::smallint[])
             as t(id, message_id, part, attempt)`,
      );
      return claimed;
    });
  }

  /** Messages whose outcome is unknown and due to be looked up: asked without an answer, or left behind by a dead process. */
  async claimUnknown(platformId: string, limit: number): Promise<Claimed[]> {
    return this.db.transactional(async () => {
      const rows = await this.db.query<MessageRow>(sql`
        with due as (
          select id from message where platform_id = ${platformId} and next_attempt_at <= now() and ${mayChange('message', 'searched')}
          order by next_attempt_at limit ${limit} for update skip locked)
        update message set ${changesOf('searched')}
        from due where message.id = due.id returning ${MESSAGE_COLUMNS}`);
      if (rows.length === 0) return [];
      const attempts = await this.db.query<Omit<Attempt, 'text' | 'startedAt'> & { startedAt: string }>(sql`
        select distinct on (message_id, part) id, message_id as "messageId", part, attempt, state, carrier_message_id as "carrierMessageId", probes, started_at as "startedAt"
        from send_attempt where message_id = any(${rows.map((row) => row.id)}::uuid[]) order by message_id, part, attempt desc`);
      return rows.map((message) => {
        const parts = partsOf(message);
        return {
          message,
          encoding: message.encoding,
          allowed: 'yes' as const,
          parts: attempts
            .filter((a) => a.messageId === message.id)
            .map((a) => ({ ...a, text: parts[a.part] ?? '', startedAt: new Date(a.startedAt) })),
        };
      });
    });
  }

  /** Carrier ids the conversation's attempts have, earlier ones of the same message too, so that two equal texts are not taken for one. */
  async idsInConversation(conversationId: string): Promise<Set<string>> {
    const rows = await this.db.query<{ id: string }>(sql`
      select a.carrier_message_id as id from send_attempt a join message m on m.id = a.message_id
      where m.conversation_id = ${conversationId} and a.carrier_message_id is not null and a.started_at > now() - interval '2 days'`);
    return new Set(rows.map((row) => row.id));
  }

  /**
   * Writes outcomes of a batch: attempts, messages, feed, and the pushes after the commit.
   * @param lookAfterSeconds when what the carrier took is looked up if no receipt has ended it; null: it can't be
   */
  async settle(outcomes: readonly Outcome[], lookAfterSeconds: number | null): Promise<void> {
    await this.db.transactional(async () => {
      const parts = outcomes.flatMap((o) =>
        o.parts.map((part) => ({ ...part, carrierStatus: o.carrierStatus ?? null, error: o.error ?? null })),
      );
      await this.db.query(
        sql`
        update send_attempt set state = t.state, carrier_message_id = coalesce(t.carrier_message_id, send_attempt.carrier_message_id), carrier_status = coalesce(t.carrier_status, send_attempt.carrier_status),
               error = t.error, probes = t.probes, finished_at = now(), look_at = case when t.state = 'accepted' then now() + ${lookAfterSeconds}::float8 * interval '1 second' end
        from unnest(${arrayLiteral(parts.map((p) => p.id))}::uuid[], ${arrayLiteral(parts.map((p) => p.state))}::text[], ${arrayLiteral(parts.map((p) => p.carrierMessageId))}::text[],
                    ${arrayLiteral(parts.map((p) => p.carrierStatus))}::text[], ${arrayLiteral(parts.map((p) => p.error))}::text[], ${arrayLiteral(parts.map((p) => p.probes))}::smallint[])
             as t(id, state, carrier_message_id, carrier_status, error, probes)
        where send_attempt.id = t.id and ${mayChange('send_attempt', 'searched')}`,
      );
      await this.messages.move(outcomes);
    });
  }

  /** Gives claimed messages back unsent: their attempt is taken out of the journal. */
  async release(claimed: readonly Claimed[], again: Date): Promise<void> {
    if (claimed.length === 0) return;
    const ids = claimed.map(({ message }) => message.id);
    await this.db.transactional(async () => {
      await this.db.query(
        sql`delete from send_attempt where id = any(${claimed.flatMap((c) => c.parts.map((p) => p.id))}::uuid[])`,
      );
      await this.db.query(
        sql`update message set ${changesOf('handed-back', again)} where id = any(${ids}::uuid[]) and ${mayChange('message', 'handed-back')}`,
      );
    });
  }

  /**
   * Locks what the carrier's ids stand for, in the caller's transaction. One look-up for each: a planner that has not seen
   * the table grow yet would read all of it.
   */
  async takenAs(ids: readonly { platformId: string; carrierMessageId: string }[]): Promise<TakenAttempt[]> {
    // Always in the same order, so that two batches never wait for each other.
    const sorted = [...ids].sort((a, b) => (a.carrierMessageId < b.carrierMessageId ? -1 : 1));
    return this.db.query<TakenAttempt>(sql`
      select a.id, a.message_id as "messageId", a.platform_id as "platformId", a.carrier_message_id as "carrierMessageId", a.part, a.state,
             (select kind from platform where platform_id = a.platform_id) as kind
      from unnest(${arrayLiteral(sorted.map((r) => r.platformId))}::uuid[], ${arrayLiteral(sorted.map((r) => r.carrierMessageId))}::text[]) as r(platform_id, carrier_message_id)
      cross join lateral (
        select * from send_attempt a where a.platform_id = r.platform_id and a.carrier_message_id = r.carrier_message_id for update) a`);
  }

  /** Writes what receipts say of locked attempts; `moveOf` says what that comes to for each of their messages. */
  async report(
    reports: readonly Report[],
    moveOf: (message: MessageRow, parts: readonly PartState[]) => Move,
  ): Promise<void> {
    if (reports.length === 0) return;
    const ids = arrayLiteral([...new Set(reports.map((r) => r.messageId))].sort());
    const messages = await this.db.query<MessageRow>(
      sql`
      with reported as (
        update send_attempt set state = t.state, carrier_status = t.status, error = coalesce(t.error, send_attempt.error), look_at = case when not t.final then look_at end
        from unnest(${arrayLiteral(reports.map((r) => r.attemptId))}::uuid[], ${arrayLiteral(reports.map((r) => r.state))}::text[], ${arrayLiteral(reports.map((r) => r.status))}::text[],
                    ${arrayLiteral(reports.map((r) => r.errorCode ?? null))}::text[], ${arrayLiteral(reports.map((r) => isFinal(r.state)))}::boolean[]) as t(id, state, status, error, final)
        where send_attempt.id = t.id)
      select ${MESSAGE_COLUMNS} from message where id = any(${ids}::uuid[]) order by id for update`,
    );
    // After the lock: a receipt for another part may have been written while this one waited for the lock.
    const parts = await this.db.query<PartState & { messageId: string }>(
      sql`
      select distinct on (message_id, part) message_id as "messageId", part, state from send_attempt where message_id = any(${ids}::uuid[]) order by message_id, part, attempt desc`,
    );
    const byMessage = Map.groupBy(parts, (part) => part.messageId);
    await this.messages.move(messages.map((message) => moveOf(message, byMessage.get(message.id) ?? [])));
  }

  /**
   * Takes attempts whose last receipt is overdue, so that no other process does. Each is due again after the time that its
   * number of looks stands for in the list.
   */
  async takeOverdue(seconds: readonly number[], limit: number): Promise<Overdue[]> {
    return this.db.query<Overdue>(sql`
      with due as (select id from send_attempt where look_at <= now() order by look_at limit ${limit} for update skip locked)
      update send_attempt a set looks = a.looks + 1, look_at = now() + (${arrayLiteral([...seconds])}::float8[])[a.looks + 2] * interval '1 second'
      from due where a.id = due.id
      returning a.id, a.message_id as "messageId", a.platform_id as "platformId", a.carrier_message_id as "carrierMessageId",
                a.looks >= ${seconds.length} as last`);
  }

  /** Platforms with something due, for the sweep. */
  async platformsDue(): Promise<string[]> {
    const rows = await this.db.query<{ id: string }>(sql`
      select p.platform_id as id from platform p
      cross join lateral (select 1 from message m where m.platform_id = p.platform_id and m.next_attempt_at <= now() order by m.next_attempt_at limit 1) due
      where not p.deleted`);
    return rows.map((row) => row.id);
  }

  private async acceptedParts(ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const rows = await this.db.query<{ message_id: string; part: number }>(sql`
      select message_id, part from send_attempt where message_id = any(${ids}::uuid[]) and state in ('accepted', 'sent', 'delivered')`);
    return new Set(rows.map((row) => `${row.message_id} ${row.part}`));
  }
}

/** Postgres drops trailing zeros of a timestamp's microseconds; with them, text sorts as time does. */
const orderOf = ({ createdAt, id }: MessageRow): string => {
  const [seconds = '', fraction = ''] = createdAt.replace(/[+-]\d\d(:?\d\d)?$/, '').split('.');
  return `${seconds}.${fraction.padEnd(6, '0')} ${id}`;
};
