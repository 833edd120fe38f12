/**
 * Inbound messages to their owners, a batch in one transaction. High-rate: no outbox, because the message row is the
 * record and the stream redelivers until the commit; pushes are hints that the feed's cursor makes good.
 */
import { Injectable } from '@nestjs/common';
import type { MessageView } from '@strowger/contracts-routing';
import { newId, toE164 } from '@strowger/kernel';
import { Jobs } from '@strowger/jobs';
import { DatabaseUnavailable, Db, sql } from '@strowger/persistence';
import { analyze, keywordOf, type Keyword } from '@strowger/sms';
import { counter } from '@strowger/telemetry';
import { RoutingConfig } from '../config.js';
import { ConsentService } from '../consent/consent.service.js';
import { lockOf } from '../directory/directory.service.js';
import { FeedService, type Push } from '../messages/feed.service.js';
import { MessageStore, type Arrival, type Place, type Placed } from '../messages/message.store.js';
import { rereadMessage } from './reread.jobs.js';
import type { Inbound } from './inbound.js';
import { Quarantine, type Quarantined } from './quarantine.js';

/** Where a message goes. */
interface Destination {
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

/** What one query finds about a message; `numberId` is null when nobody owns its number. */
type Found = Destination | (Pick<Destination, 'known'> & { numberId: null });

interface Routed extends Destination, Arrival {
  message: Inbound;
  keyword?: Keyword;
}

const routed = counter('strowger_inbound_total', 'Inbound messages by what happened to them');

@Injectable()
export class InboundService {
  constructor(
    private readonly db: Db,
    private readonly messages: MessageStore,
    private readonly feed: FeedService,
    private readonly quarantine: Quarantine,
    private readonly consent: ConsentService,
    private readonly jobs: Jobs,
    private readonly config: RoutingConfig,
  ) {}

  /** Stores each once, in order, and notifies connected clients. Safe to repeat; joins the caller's transaction. */
  async receive(batch: readonly Inbound[]): Promise<void> {
    const messages = await this.storePlain(distinct(batch));
    if (messages.length === 0) return;
    await this.db.transactional(async () => {
      const found = await this.destinations(messages);
      const unknown: Quarantined[] = [];
      const taken: Routed[] = [];
      const blocked: Routed[] = [];
      for (const [ord, message] of messages.entries()) {
        const to = found[ord]!;
        if (to.known) continue;
        if (!isOwned(to)) {
          unknown.push(numberUnknown(message));
          continue;
        }
        const keyword = keywordOf(message.text, { startWords: this.config.extraStartWords });
        (to.blocked ? blocked : taken).push({ ...to, ...analyzed(message), keyword });
      }
      await this.quarantine.add(unknown);
      const counted = await this.countBlocked(blocked);
      const stored = await this.messages.storeOwned(taken);
      // Consent is withdrawn from the number: STOP counts from a blocked party too, which then hears nothing.
      for (const { message, keyword, id, userId, numberId, friendlyName, blocked } of [...counted, ...stored])
        if (keyword && (!blocked || keyword === 'stop'))
          await this.consent.apply(keyword, {
            messageId: id,
            userId,
            numberId,
            friendlyName,
            number: message.to,
            remote: message.from,
            text: message.text,
            silent: blocked,
          });
      this.db.afterCommit(() => {
        this.feed.push(
          stored.flatMap((r) =>
            r.position === null ? [] : [{ userId: r.userId, type: 'message.created', message: viewOf(r, r.position) }],
          ),
        );
        if (stored.length) routed.inc({ as: 'stored' }, stored.length);
        if (unknown.length) routed.inc({ as: 'quarantined' }, unknown.length);
        if (counted.length) routed.inc({ as: 'blocked' }, counted.length);
      });
      for (const { id, message } of stored)
        if (message.suspectEncoding)
          this.db.afterCommit(() => this.jobs.add(rereadMessage, { messageId: id }, { jobId: id }));
    });
  }

  /**
   * Stores the usual messages with one statement and returns the rest. The order within each conversation is kept: when
   * one message can't go this way, its whole conversation can't. A batch with a keyword doesn't go this way at all.
   */
  private async storePlain(messages: Inbound[]): Promise<Inbound[]> {
    if (messages.length === 0 || this.db.inTransaction || messages.some((m) => this.isSpecial(m))) return messages;
    const given = messages.map(analyzed);
    let rows: Placed[];
    try {
      rows = await this.messages.storeUsual(given);
    } catch (error) {
      if (error instanceof DatabaseUnavailable) throw error;
      // A deadlock, or one message the database can't take. The other way tries again and finds the message at fault.
      return messages;
    }
    const rest: Inbound[] = [];
    const pushes: Push[] = [];
    for (const [i, { known, userId, conversationId, position }] of rows.entries()) {
      const { id, message, encoding, segments } = given[i]!;
      if (userId !== null)
        pushes.push({
          userId,
          type: 'message.created',
          message: viewOf({ id, message, encoding, segments, conversationId }, position),
        });
      else if (!known) rest.push(message);
    }
    this.feed.push(pushes);
    if (pushes.length > 0) routed.inc({ as: 'stored' }, pushes.length);
    return rest;
  }

  private isSpecial({ text, suspectEncoding }: Inbound): boolean {
    return suspectEncoding === true || keywordOf(text, { startWords: this.config.extraStartWords }) !== undefined;
  }

  /**
   * Owner, license, block and whether it was seen before: one query for the batch. A message that would have to wait is
   * looked at again under the lock of what it waits for.
   */
  private async destinations(messages: readonly Inbound[]): Promise<Found[]> {
    const found = await this.lookUp(messages);
    // More than once: a number that appears meanwhile may belong to a user whose license is still on its way.
    for (const held = new Set<string>(); ;) {
      const waiting = found.flatMap((to, ord) => {
        if (to.known || (isOwned(to) && (to.entitled || to.blocked))) return [];
        const { platformId, to: number } = messages[ord]!;
        const lock = isOwned(to) ? lockOf.license(to.userId) : lockOf.number(platformId, number);
        return held.has(lock) ? [] : [{ ord, lock }];
      });
      if (waiting.length === 0) return found;
      const locks = [...new Set(waiting.map(({ lock }) => lock))].sort();
      await this.db.query(
        sql`select pg_advisory_xact_lock_shared(hashtextextended(name, 0)) from unnest(${locks}::text[]) as name`,
      );
      for (const lock of locks) held.add(lock);
      const again = await this.lookUp(waiting.map(({ ord }) => messages[ord]!));
      for (const [i, { ord }] of waiting.entries()) found[ord] = again[i]!;
    }
  }

  /** Lateral joins force one index probe per message; Postgres may plan an "exists" as a scan of all messages. */
  private async lookUp(messages: readonly Inbound[]): Promise<Found[]> {
    return this.db.query<Found>(sql`
      select n.number_id as "numberId", n.user_id as "userId", n.system_provider_id as "systemProviderId", n.reseller_id as "resellerId",
             n.group_id as "groupId", n.friendly_name as "friendlyName", coalesce(e.entitled, false) as entitled, b.id is not null as blocked,
             known.yes is not null as known
      from unnest(${messages.map((_, i) => i)}::int[], ${messages.map((m) => m.platformId)}::uuid[], ${messages.map((m) => m.to)}::text[],
                  ${messages.map((m) => m.from)}::text[], ${messages.map((m) => m.carrierMessageId)}::text[]) as i(ord, platform_id, recipient, sender, carrier_message_id)
      left join owned_number n on n.e164 = i.recipient and n.platform_id = i.platform_id and n.active
      left join user_entitlement e on e.user_id = n.user_id
      left join block b on b.user_id = n.user_id and b.remote = i.sender
      left join lateral (
        select 1 as yes from message m where m.direction = 'inbound' and m.platform_id = i.platform_id and m.carrier_message_id = i.carrier_message_id and m.number = i.recipient
        union all
        select 1 from dismissed d where d.platform_id = i.platform_id and d.carrier_message_id = i.carrier_message_id and d.number = i.recipient
        limit 1) known on true
      order by i.ord`);
  }

  /** Of what a blocked party sends, only a count is kept. Returns what was counted now. */
  private async countBlocked(blocked: readonly Routed[]): Promise<Routed[]> {
    if (blocked.length === 0) return [];
    const fresh = await this.db.query<{ key: string }>(sql`
      insert into dismissed (platform_id, carrier_message_id, number)
      select * from unnest(${blocked.map((b) => b.message.platformId)}::uuid[], ${blocked.map((b) => b.message.carrierMessageId)}::text[], ${blocked.map((b) => b.message.to)}::text[])
      on conflict do nothing returning platform_id || ' ' || carrier_message_id || ' ' || number as key`);
    const keys = new Set(fresh.map(({ key }) => key));
    const counted = blocked.filter(({ message }) => keys.has(keyOf(message)));
    await this.db.query(sql`
      update block set blocked_messages = blocked_messages + t.count
      from (select user_id, remote, count(*) from unnest(${counted.map((b) => b.userId)}::uuid[], ${counted.map((b) => b.message.from)}::text[]) as u(user_id, remote) group by 1, 2) t
      where block.user_id = t.user_id and block.remote = t.remote`);
    return counted;
  }
}

const isOwned = (to: Found): to is Destination => to.numberId !== null;
const keyOf = (m: Inbound): string => `${m.platformId} ${m.carrierMessageId} ${m.to}`;

/** Carriers repeat themselves within a batch too. Numbers are matched as E.164 where they parse. */
function distinct(batch: readonly Inbound[]): Inbound[] {
  const seen = new Map<string, Inbound>();
  for (const given of batch) {
    const to = toOwned(given.to);
    const message = to === given.to ? given : { ...given, to };
    const key = keyOf(message);
    if (!seen.has(key)) seen.set(key, message);
  }
  return [...seen.values()];
}

const toOwned = (number: string): string => (number.startsWith('+') ? number : (toE164(number) ?? number));

const analyzed = (message: Inbound): Arrival & { message: Inbound } => {
  const { encoding, segments } = analyze(message.text);
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

const viewOf = (r: Arrival & Pick<Place, 'conversationId'>, cursor: number): MessageView => ({
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
