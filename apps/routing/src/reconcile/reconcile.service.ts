/** Some carriers deliver only once. What their webhook did not bring is read from their message list, where they have one. */
import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { newId } from '@strowger/kernel';
import { Processes, Jobs, Timers } from '@strowger/jobs';
import { Db, sql } from '@strowger/persistence';
import { counter, logger } from '@strowger/telemetry';
import { RoutingConfig } from '../config.js';
import { PlatformAccess } from '../directory/platform-access.js';
import type { Inbound } from '../inbound/inbound.js';
import { InboundService } from '../inbound/inbound.service.js';
import { rereadMessage } from '../inbound/reread.jobs.js';
import { MessageStore } from '../messages/message.store.js';
import { reconcilePlatform } from './reconcile.jobs.js';

const BATCH = 200;
/** A carrier's days may start in an unknown time zone, so always from yesterday. */
const SINCE_DAYS = 1;
/** A message we know only by our own fingerprint shows up in the list under the carrier's id. */
const FINGERPRINT_WINDOW_MINUTES = 10;
const DISMISSED_DAYS = 8;

const log = logger('reconcile');
const recovered = counter(
  'strowger_reconciled_total',
  "Messages found in a carrier's list that its webhook never brought",
);

@Injectable()
export class ReconcileService implements OnApplicationBootstrap {
  constructor(
    private readonly db: Db,
    private readonly jobs: Jobs,
    private readonly timers: Timers,
    private readonly platforms: PlatformAccess,
    private readonly inbound: InboundService,
    private readonly messages: MessageStore,
    private readonly config: RoutingConfig,
  ) {}

  onApplicationBootstrap(): void {
    this.timers.everySeconds(Math.min(this.config.reconcileSeconds, 15), 'reconcile-sweep', () => this.sweep());
    this.timers.everySeconds(60, 'reread-sweep', () => this.rearmRereads());
    this.timers.everySeconds(3600, 'dismissed-sweep', () => this.forgetDismissed());
  }

  /** Texts whose job Redis lost. */
  async rearmRereads(): Promise<void> {
    const due = await this.db.query<{ id: string }>(
      sql`select id from message where reread and created_at < now() - interval '1 minute' limit 500`,
    );
    for (const { id } of due) await this.jobs.add(rereadMessage, { messageId: id }, { jobId: id });
  }

  /** Longer than the raw journal keeps what could be replayed. */
  async forgetDismissed(): Promise<void> {
    await this.db.query(sql`delete from dismissed where at < now() - ${DISMISSED_DAYS} * interval '1 day'`);
  }

  /** Takes each platform whose time has come, once among all processes. */
  async sweep(): Promise<void> {
    const due = await this.db.query<{ id: string }>(sql`
      update platform set reconcile_at = now() + ${this.config.reconcileSeconds} * interval '1 second'
      where platform_id in (select platform_id from platform where not deleted and reconcile_at <= now() for update skip locked) returning platform_id as id`);
    for (const { id } of due) await this.jobs.add(reconcilePlatform, { platformId: id }, { jobId: `reconcile:${id}` });
  }

  @Processes(reconcilePlatform)
  async reconcile({ platformId }: { platformId: string }): Promise<void> {
    const [platform] = await this.db.query<{ system_provider_id: string }>(
      sql`select system_provider_id from platform where platform_id = ${platformId} and not deleted`,
    );
    if (!platform) return;
    const { carrier, access } = await this.platforms.of(platformId);
    if (!carrier.messages.listInbound) return;
    let batch: Inbound[] = [];
    const flush = async (): Promise<void> => {
      const missed = await this.withoutFingerprinted(batch.reverse());
      batch = [];
      await this.inbound.receive(missed);
      if (missed.length) {
        recovered.inc(missed.length);
        log.warn({ platformId, messages: missed.length }, 'messages-recovered-from-list');
      }
    };
    const settled = Date.now() - this.config.reconcileGraceSeconds * 1000;
    for await (const message of carrier.messages.listInbound(access, { sinceDays: SINCE_DAYS }, (ids) =>
      this.known(platformId, ids),
    )) {
      if (message.createdAt && message.createdAt.getTime() > settled) continue;
      batch.push({
        deliveryId: newId(),
        part: 0,
        platformId,
        systemProviderId: platform.system_provider_id,
        carrierMessageId: message.carrierMessageId,
        from: message.from,
        to: message.to,
        text: message.text,
        receivedAt: (message.createdAt ?? new Date()).toISOString(),
        carrierAccountId: message.carrierAccountId,
      });
      if (batch.length === BATCH) await flush();
    }
    await flush();
  }

  /** A webhook that went through Visual Designer may have lost characters; the carrier's own record has not. */
  @Processes(rereadMessage)
  async reread({ messageId }: { messageId: string }): Promise<void> {
    const [doubtful] = await this.db.query<{ platformId: string; carrierMessageId: string }>(
      sql`select platform_id as "platformId", carrier_message_id as "carrierMessageId" from message where id = ${messageId} and reread`,
    );
    if (!doubtful) return;
    const { carrier, access } = await this.platforms.of(doubtful.platformId);
    const original = await carrier.messages.read?.(access, doubtful.carrierMessageId);
    await this.messages.correct(messageId, original?.text);
  }

  private async known(platformId: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.db.query<{ id: string }>(sql`
      select carrier_message_id as id from message where direction = 'inbound' and platform_id = ${platformId} and carrier_message_id = any(${ids}::text[])
      union all select carrier_message_id from quarantined where platform_id = ${platformId} and carrier_message_id = any(${ids}::text[])
      union all select carrier_message_id from dismissed where platform_id = ${platformId} and carrier_message_id = any(${ids}::text[])`);
    return new Set(rows.map((row) => row.id));
  }

  /**
   * Leaves out messages that the webhook brought without an id, which are stored under our fingerprint. One fingerprint
   * stands for one message: it takes the carrier's id, and both ids are known from then on.
   */
  private async withoutFingerprinted(messages: readonly Inbound[]): Promise<Inbound[]> {
    const missed: Inbound[] = [];
    for (const message of messages) if (!(await this.adopt(message))) missed.push(message);
    return missed;
  }

  private adopt({ platformId, to, from, text, receivedAt, carrierMessageId }: Inbound): Promise<boolean> {
    const near = sql`between ${receivedAt}::timestamptz - ${FINGERPRINT_WINDOW_MINUTES} * interval '1 minute' and ${receivedAt}::timestamptz + ${FINGERPRINT_WINDOW_MINUTES} * interval '1 minute'`;
    return this.db.transactional(async () => {
      const [stored] = await this.db.query<{ id: string; fingerprint: string }>(sql`
        select m.id, m.carrier_message_id as fingerprint from conversation c join message m on m.conversation_id = c.id
        where c.number = ${to} and c.remote = ${from} and m.platform_id = ${platformId} and m.direction = 'inbound' and m.carrier_message_id like 'fp-%'
          and m.body = ${text} and m.created_at ${near}
        order by m.created_at limit 1 for update of m`);
      if (stored) await this.messages.identify(stored.id, carrierMessageId);
      const [waiting] = stored
        ? []
        : await this.db.query<{ fingerprint: string }>(sql`
            update quarantined set carrier_message_id = ${carrierMessageId}, content = content || ${JSON.stringify({ carrierMessageId })}::jsonb
            where id = (
              select id from quarantined where number = ${to} and platform_id = ${platformId} and released_at is null and carrier_message_id like 'fp-%'
                and content->>'from' = ${from} and content->>'text' = ${text} and at ${near} order by at limit 1 for update)
            returning (select q.carrier_message_id from quarantined q where q.id = quarantined.id) as fingerprint`);
      const found = stored ?? waiting;
      if (found)
        await this.db.query(
          sql`insert into dismissed (platform_id, carrier_message_id, number) values (${platformId}, ${found.fingerprint}, ${to}) on conflict do nothing`,
        );
      return found !== undefined;
    });
  }
}
