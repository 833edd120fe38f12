import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { newId } from '@strowger/kernel';
import { Processes, Jobs, Timers } from '@strowger/jobs';
import { Db, sql } from '@strowger/persistence';
import { analyse } from '@strowger/sms';
import { counter, logger } from '@strowger/telemetry';
import { RoutingConfig } from '../config.js';
import { PlatformAccess } from '../directory/platform-access.js';
import { InboundService, type Inbound } from '../inbound/inbound.service.js';
import { rereadMessage } from '../inbound/reread.jobs.js';
import { MESSAGE_COLUMNS, type MessageRow } from '../messages/message.queries.js';
import { SenderQueries } from '../outbound/sender.queries.js';
import { reconcilePlatform } from './reconcile.jobs.js';

const BATCH = 200;
/** The carrier's days start in an unknown time zone, so always from yesterday (carrier-restcomm §6.2). */
const SINCE_DAYS = 1;
/** A message we know only by our own fingerprint shows up in the list under the carrier's id. */
const FINGERPRINT_WINDOW_MINUTES = 10;

const log = logger('reconcile');
const recovered = counter(
  'strowger_reconciled_total',
  "Messages found in a carrier's list that its webhook never brought",
);

/** Restcomm delivers once. What its webhook did not bring is read from its message list. */
@Injectable()
export class ReconcileService implements OnApplicationBootstrap {
  constructor(
    @Inject(Db) private readonly db: Db,
    @Inject(Jobs) private readonly jobs: Jobs,
    @Inject(Timers) private readonly timers: Timers,
    @Inject(PlatformAccess) private readonly platforms: PlatformAccess,
    @Inject(InboundService) private readonly inbound: InboundService,
    @Inject(SenderQueries) private readonly messages: SenderQueries,
    @Inject(RoutingConfig) private readonly config: RoutingConfig,
  ) {}

  onApplicationBootstrap(): void {
    this.timers.everySeconds(Math.min(this.config.reconcileSeconds, 15), 'reconcile-sweep', () => this.sweep());
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
    for await (const message of carrier.listInbound(access, { sinceDays: SINCE_DAYS }, (ids) =>
      this.known(platformId, ids),
    )) {
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
  async reread({
    messageId,
    platformId,
    carrierMessageId,
  }: {
    messageId: string;
    platformId: string;
    carrierMessageId: string;
  }): Promise<void> {
    const { carrier, access } = await this.platforms.of(platformId);
    const original = await carrier.readMessage(access, carrierMessageId);
    if (!original) return;
    await this.db.transactional(async () => {
      const [row] = await this.db.query<MessageRow>(
        sql`select ${MESSAGE_COLUMNS} from message where id = ${messageId} for update`,
      );
      if (!row || row.body === original.text) return;
      const { encoding, segments } = analyse(original.text);
      await this.db.query(
        sql`update message set body = ${original.text}, encoding = ${encoding}, segments = ${segments} where id = ${messageId}`,
      );
      await this.messages.transition([{ message: row, state: row.state as never, failure: row.failure, again: null }]);
    });
  }

  private async known(platformId: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.db.query<{ id: string }>(sql`
      select carrier_message_id as id from message where direction = 'inbound' and platform_id = ${platformId} and carrier_message_id = any(${ids}::text[])
      union all select carrier_message_id from quarantined where platform_id = ${platformId} and carrier_message_id = any(${ids}::text[])`);
    return new Set(rows.map((row) => row.id));
  }

  private async withoutFingerprinted(messages: readonly Inbound[]): Promise<Inbound[]> {
    if (messages.length === 0) return [];
    const seen = await this.db.query<{ ord: number }>(sql`
      select i.ord::int as ord
      from unnest(${messages.map((_, i) => i)}::int[], ${messages.map((m) => m.platformId)}::uuid[], ${messages.map((m) => m.to)}::text[], ${messages.map((m) => m.from)}::text[],
                  ${messages.map((m) => m.text)}::text[], ${messages.map((m) => m.receivedAt)}::timestamptz[]) as i(ord, platform_id, number, remote, body, at)
      where exists (
        select 1 from message m join conversation c on c.id = m.conversation_id
        where c.number = i.number and c.remote = i.remote and m.platform_id = i.platform_id and m.direction = 'inbound' and m.carrier_message_id like 'fp-%' and m.body = i.body
          and m.created_at between i.at - ${FINGERPRINT_WINDOW_MINUTES} * interval '1 minute' and i.at + ${FINGERPRINT_WINDOW_MINUTES} * interval '1 minute')`);
    const skip = new Set(seen.map((row) => row.ord));
    return messages.filter((_, ord) => !skip.has(ord));
  }
}
