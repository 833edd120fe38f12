import { Inject, Injectable } from '@nestjs/common';
import type { MessageView } from '@strowger/contracts-routing';
import { newId, toE164 } from '@strowger/kernel';
import { Jobs } from '@strowger/jobs';
import { Db, sql } from '@strowger/persistence';
import { analyse, keywordOf, type Keyword } from '@strowger/sms';
import { counter } from '@strowger/telemetry';
import { RoutingConfig } from '../config.js';
import { ConsentService } from '../consent/consent.service.js';
import { FeedService, type Push } from '../feed/feed.service.js';
import { rereadMessage } from './reread.jobs.js';
import { QuarantineService, type Quarantined } from './quarantine.service.js';

/** A message from a carrier, wherever it came from: a webhook, the carrier's list, or out of quarantine. */
export interface Inbound {
  deliveryId: string;
  /** Which message of the delivery. */
  part: number;
  platformId: string;
  systemProviderId: string;
  carrierMessageId: string;
  from: string;
  to: string;
  text: string;
  receivedAt: string;
  carrierAccountId: string;
  suspectEncoding?: true;
}

/** Where a message goes, from one query for the whole batch. */
interface Destination {
  ord: number;
  numberId: string;
  userId: string;
  systemProviderId: string;
  resellerId: string;
  groupId: string;
  friendlyName: string;
  entitled: boolean;
  blocked: boolean;
  known: boolean;
}

interface Routed extends Destination {
  id: string;
  message: Inbound;
  encoding: 'GSM-7' | 'UCS-2';
  segments: number;
  keyword?: Keyword;
}

const routed = counter('strowger_inbound_total', 'Inbound messages by what became of them');

/**
 * Inbound messages to their owners, a batch in one transaction. High-rate: no outbox, because the message row is the
 * record and the stream redelivers until the commit; pushes are hints that the feed's cursor makes good.
 */
@Injectable()
export class InboundService {
  constructor(
    @Inject(Db) private readonly db: Db,
    @Inject(FeedService) private readonly feed: FeedService,
    @Inject(QuarantineService) private readonly quarantine: QuarantineService,
    @Inject(ConsentService) private readonly consent: ConsentService,
    @Inject(Jobs) private readonly jobs: Jobs,
    @Inject(RoutingConfig) private readonly config: RoutingConfig,
  ) {}

  /** Stores each once, in order, and tells who is connected. Safe to repeat; joins the caller's transaction. */
  async receive(batch: readonly Inbound[]): Promise<void> {
    const messages = distinct(batch);
    if (messages.length === 0) return;
    await this.db.transactional(async () => {
      const found = new Map((await this.destinations(messages)).map((d) => [d.ord, d]));
      const unknown: Quarantined[] = [];
      const taken: Routed[] = [];
      let blocked = 0;
      for (const [ord, message] of messages.entries()) {
        const to = found.get(ord);
        if (!to) unknown.push(numberUnknown(message));
        else if (to.blocked) blocked += 1;
        else if (!to.known)
          taken.push({
            ...to,
            ...analysed(message),
            keyword: keywordOf(message.text, { startWords: this.config.extraStartWords }),
          });
      }
      await this.quarantine.add(unknown);
      await this.countBlocked([...found.values()].filter((d) => d.blocked));
      const stored = await this.store(taken);
      for (const { message, numberId, friendlyName, keyword, id } of taken.filter((t) => t.keyword !== undefined))
        await this.consent.apply(keyword!, {
          messageId: id,
          numberId,
          friendlyName,
          number: message.to,
          remote: message.from,
        });
      this.db.afterCommit(() => {
        this.feed.push(stored);
        routed.inc({ as: 'stored' }, taken.length);
        if (unknown.length) routed.inc({ as: 'quarantined' }, unknown.length);
        if (blocked) routed.inc({ as: 'blocked' }, blocked);
      });
      for (const { id, message } of taken.filter((t) => t.message.suspectEncoding))
        this.db.afterCommit(() =>
          this.jobs.add(
            rereadMessage,
            { messageId: id, platformId: message.platformId, carrierMessageId: message.carrierMessageId },
            { jobId: id },
          ),
        );
    });
  }

  /** The user may have messages now: what was held shows up, in the order it came. */
  async releaseHeld(userId: string): Promise<void> {
    await this.db.transactional(async () => {
      const held = await this.db.query<{ id: string }>(
        sql`select id from message where user_id = ${userId} and state = 'held' order by created_at, id for update`,
      );
      if (held.length === 0) return;
      const head = (await this.feed.advance(new Map([[userId, held.length]]))).get(userId)!;
      const first = head - held.length + 1;
      await this.db.query(sql`
        update message set state = 'received', feed_created = p.position, feed_seq = p.position
        from (select * from unnest(${held.map((m) => m.id)}::uuid[], ${held.map((_, i) => first + i)}::bigint[]) as u(id, position)) p
        where message.id = p.id`);
    });
  }

  /** Owner, licence, block and whether it is stored already: one query for the batch. */
  private destinations(messages: readonly Inbound[]): Promise<Destination[]> {
    return this.db.query<Destination>(sql`
      select i.ord::int as ord, n.number_id as "numberId", n.user_id as "userId", n.system_provider_id as "systemProviderId", n.reseller_id as "resellerId",
             n.group_id as "groupId", n.friendly_name as "friendlyName", coalesce(e.entitled, false) as entitled, b.id is not null as blocked, m.id is not null as known
      from unnest(${messages.map((_, i) => i)}::int[], ${messages.map((m) => m.platformId)}::uuid[], ${messages.map((m) => m.to)}::text[],
                  ${messages.map((m) => m.from)}::text[], ${messages.map((m) => m.carrierMessageId)}::text[]) as i(ord, platform_id, recipient, sender, carrier_message_id)
      join owned_number n on n.e164 = i.recipient and n.platform_id = i.platform_id and n.active
      left join user_entitlement e on e.user_id = n.user_id
      left join block b on b.user_id = n.user_id and b.remote = i.sender
      left join message m on m.direction = 'inbound' and m.platform_id = i.platform_id and m.carrier_message_id = i.carrier_message_id and m.number_id = n.number_id`);
  }

  private async store(taken: readonly Routed[]): Promise<Push[]> {
    if (taken.length === 0) return [];
    const threads = await this.threads(taken);
    const counts = new Map<string, number>();
    for (const { userId, entitled } of taken) if (entitled) counts.set(userId, (counts.get(userId) ?? 0) + 1);
    const heads = await this.feed.advance(counts);
    const next = new Map([...heads].map(([userId, head]) => [userId, head - counts.get(userId)! + 1]));
    const rows = taken.map((t) => {
      const position = t.entitled ? next.get(t.userId)! : null;
      if (position !== null) next.set(t.userId, position + 1);
      return { ...t, position, conversationId: threads.get(threadKey(t.numberId, t.message.from))! };
    });
    // A batch running elsewhere may have stored some of these since they were looked up; their positions stay empty.
    const inserted = await this.db.query<{ id: string }>(sql`
      insert into message (id, conversation_id, number_id, user_id, system_provider_id, reseller_id, group_id, platform_id, direction, number, remote,
                           body, state, encoding, segments, created_at, carrier_message_id, feed_created, feed_seq)
      select id, conversation_id, number_id, user_id, system_provider_id, reseller_id, group_id, platform_id, 'inbound', number, remote,
             body, case when position is null then 'held' else 'received' end, encoding, segments, created_at, carrier_message_id, position, position
      from unnest(${rows.map((r) => r.id)}::uuid[], ${rows.map((r) => r.conversationId)}::uuid[], ${rows.map((r) => r.numberId)}::uuid[],
                  ${rows.map((r) => r.userId)}::uuid[], ${rows.map((r) => r.systemProviderId)}::uuid[], ${rows.map((r) => r.resellerId)}::uuid[],
                  ${rows.map((r) => r.groupId)}::uuid[], ${rows.map((r) => r.message.platformId)}::uuid[], ${rows.map((r) => r.message.to)}::text[],
                  ${rows.map((r) => r.message.from)}::text[], ${rows.map((r) => r.message.text)}::text[], ${rows.map((r) => r.encoding)}::text[],
                  ${rows.map((r) => r.segments)}::smallint[], ${rows.map((r) => r.message.receivedAt)}::timestamptz[],
                  ${rows.map((r) => r.message.carrierMessageId)}::text[], ${rows.map((r) => r.position)}::bigint[])
           as t(id, conversation_id, number_id, user_id, system_provider_id, reseller_id, group_id, platform_id, number, remote,
                body, encoding, segments, created_at, carrier_message_id, position)
      on conflict do nothing returning id`);
    const fresh = new Set(inserted.map((row) => row.id));
    return rows.flatMap((r) =>
      r.position !== null && fresh.has(r.id)
        ? [{ userId: r.userId, type: 'message.created' as const, message: viewOf(r, r.position) }]
        : [],
    );
  }

  /** One conversation per (owned number, remote number), by constraint. */
  private async threads(taken: readonly Routed[]): Promise<Map<string, string>> {
    const wanted = new Map(taken.map((t) => [threadKey(t.numberId, t.message.from), t]));
    const threads = [...wanted.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, t]) => t);
    const rows = await this.db.query<{ id: string; number_id: string; remote: string }>(sql`
      insert into conversation (id, number_id, user_id, system_provider_id, reseller_id, group_id, number, remote, last_message_at)
      select * from unnest(${threads.map(() => newId())}::uuid[], ${threads.map((t) => t.numberId)}::uuid[], ${threads.map((t) => t.userId)}::uuid[],
                           ${threads.map((t) => t.systemProviderId)}::uuid[], ${threads.map((t) => t.resellerId)}::uuid[], ${threads.map((t) => t.groupId)}::uuid[],
                           ${threads.map((t) => t.message.to)}::text[], ${threads.map((t) => t.message.from)}::text[], ${threads.map((t) => t.message.receivedAt)}::timestamptz[])
      on conflict on constraint conversation_thread do update set last_message_at = greatest(conversation.last_message_at, excluded.last_message_at)
      returning id, number_id, remote`);
    return new Map(rows.map((row) => [threadKey(row.number_id, row.remote), row.id]));
  }

  private async countBlocked(blocked: readonly Destination[]): Promise<void> {
    if (blocked.length === 0) return;
    await this.db.query(sql`
      update block set blocked_messages = blocked_messages + 1
      where user_id = any(${blocked.map((b) => b.userId)}::uuid[])`);
  }
}

const threadKey = (numberId: string, remote: string): string => `${numberId} ${remote}`;

/** Carriers repeat themselves within a batch too. Numbers are matched as E.164 where they parse. */
function distinct(batch: readonly Inbound[]): Inbound[] {
  const seen = new Map<string, Inbound>();
  for (const message of batch) {
    const to = toOwned(message.to);
    const key = `${message.platformId} ${message.carrierMessageId} ${to}`;
    if (!seen.has(key)) seen.set(key, to === message.to ? message : { ...message, to });
  }
  return [...seen.values()];
}

const toOwned = (number: string): string => (number.startsWith('+') ? number : (toE164(number) ?? number));

const analysed = (message: Inbound): Pick<Routed, 'id' | 'message' | 'encoding' | 'segments'> => {
  const { encoding, segments } = analyse(message.text);
  return { id: newId(), message, encoding, segments };
};

const numberUnknown = (message: Inbound): Quarantined => ({
  deliveryId: message.deliveryId,
  part: message.part,
  platformId: message.platformId,
  systemProviderId: message.systemProviderId,
  reason: 'number-unknown',
  detail: `No active number ${message.to} belongs to this platform. Add the number to a user, and the message is delivered.`,
  number: message.to,
  carrierMessageId: message.carrierMessageId,
  content: message,
  at: message.receivedAt,
});

const viewOf = (r: Routed & { conversationId: string }, cursor: number): MessageView => ({
  id: r.id,
  conversationId: r.conversationId,
  direction: 'inbound',
  number: r.message.to,
  remote: r.message.from,
  text: r.message.text,
  state: 'received',
  encoding: r.encoding,
  segments: r.segments,
  createdAt: r.message.receivedAt,
  cursor,
});
