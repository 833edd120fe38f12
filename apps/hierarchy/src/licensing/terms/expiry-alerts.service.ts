import { Injectable } from '@nestjs/common';
import { LicenseExpiryAlertedV1, type AlertRecipient, type LicenseAlertItem } from '@strowger/contracts-hierarchy';
import { Clock, factOf, newId } from '@strowger/kernel';
import { Db, Outbox, sql } from '@strowger/persistence';
import { logger } from '@strowger/telemetry';
import { SettingsService } from '../../nodes/settings.service.js';
import { ExpiryItems, type AlertNode, type ExpiryItem } from './expiry-items.service.js';
import { AFTERWARDS, calendarDays, dueThreshold } from './thresholds.js';

/** Recipients looked at together. */
const A_BATCH = 200;
/** Items of one mail; what is more comes in a further one. */
const A_MAIL = 100;

const log = logger('expiry-alerts');

interface NodeNews {
  items: ExpiryItem[];
  timezone: string;
}
/** A portal user of a node, as one who is notified. */
interface Recipient extends Omit<AlertRecipient, 'timezone'> {
  node: AlertNode;
  timezone: string | null;
  systemProviderId: string;
  resellerId: string | null;
  groupId: string | null;
}
type DueItem = ExpiryItem & { threshold: number; daysLeft: number };

/**
 * Notifies portal users with "license expiry alerts" of what ends: at the system provider its purchases, at resellers and
 * groups their sub-purchases and trials. Each item once per threshold and recipient: a row that can exist only once is
 * made in the transaction of the fact, so a job that runs twice, or twice at a time, sends nothing twice.
 */
@Injectable()
export class ExpiryAlerts {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly outbox: Outbox,
    private readonly settings: SettingsService,
    private readonly items: ExpiryItems,
  ) {}

  /** @returns how many portal users are notified */
  async sweep(): Promise<number> {
    let notified = 0;
    for (let after = ''; ;) {
      const recipients = await this.recipients(after);
      const nodes = new Map<string, Promise<NodeNews>>();
      for (const recipient of recipients)
        try {
          const news = nodes.get(recipient.node.id) ?? this.newsOf(recipient);
          nodes.set(recipient.node.id, news);
          if (await this.notify(recipient, await news)) notified += 1;
        } catch (error) {
          // The others are notified nevertheless; this one at the next sweep.
          log.error({ portalUserId: recipient.portalUserId, err: error }, 'expiry-alert-failed');
        }
      const last = recipients.at(-1);
      if (recipients.length < A_BATCH || !last) return notified;
      after = last.portalUserId;
    }
  }

  private async recipients(after: string): Promise<Recipient[]> {
    const rows = await this.db.query(sql<Omit<Recipient, 'node'> & { level: AlertNode['level'] }>`
      select id as "portalUserId", email, name, timezone, level, system_provider_id as "systemProviderId",
        reseller_id as "resellerId", group_id as "groupId"
      from portal_user
      where license_expiry_alerts and level in ('system-provider', 'reseller', 'group') and locked_at is null
        and ended_at is null ${after ? sql`and id > ${after}` : sql``}
      order by id limit ${A_BATCH}`);
    return rows.map(({ level, ...row }) => {
      const id = row.groupId ?? row.resellerId ?? row.systemProviderId;
      return { ...row, node: { level, id } };
    });
  }

  private async newsOf({ node, systemProviderId, resellerId, groupId }: Recipient): Promise<NodeNews> {
    const items = await this.items.of(node);
    if (items.length === 0) return { items, timezone: 'UTC' };
    const at = { systemProviderId, resellerId, groupId };
    const { timezone } = await this.settings.effective(this.db.em(), at);
    return { items, timezone: timezone.value };
  }

  private async notify(recipient: Recipient, { items, timezone: ofNode }: NodeNews): Promise<boolean> {
    const now = this.clock.now();
    const timezone = recipient.timezone ?? ofNode;
    const due = items.flatMap((item) => dueItem(item, now, timezone));
    if (due.length === 0) return false;
    return this.db.transactional(async (em) => {
      const fresh = new Set(await this.claim(recipient, due, now));
      const news = due.filter((item) => fresh.has(keyOf(item)));
      const { portalUserId, email, name, systemProviderId } = recipient;
      for (let from = 0; from < news.length; from += A_MAIL) {
        const incidentId = newId();
        this.outbox.add(
          em,
          factOf(
            LicenseExpiryAlertedV1,
            { subject: incidentId, sequence: 1, tenantId: systemProviderId },
            {
              incidentId,
              systemProviderId,
              recipient: { portalUserId, email, name, timezone },
              items: news.slice(from, from + A_MAIL).map(alertItem),
            },
          ),
        );
      }
      return news.length > 0;
    });
  }

  /** Those that this recipient was not notified of before. */
  private async claim(recipient: Recipient, due: DueItem[], now: Date): Promise<string[]> {
    const rows = due.map((item) => ({
      id: newId(),
      kind: item.kind,
      item: item.id,
      expires: item.expiresAt.toISOString(),
      threshold: item.threshold,
    }));
    const claimed = await this.db.query<{ kind: string; item: string; threshold: number }>(sql`
      insert into expiry_alert (id, system_provider_id, item_kind, item_id, expires_at, threshold_days, portal_user_id,
          created_at)
        select d.id, ${recipient.systemProviderId}, d.kind, d.item, d.expires, d.threshold, ${recipient.portalUserId}, ${now}
          from json_to_recordset(${JSON.stringify(rows)}::json)
            as d (id uuid, kind text, item uuid, expires timestamptz, threshold int)
          order by d.kind, d.item
        on conflict do nothing
        returning item_kind as kind, item_id as item, threshold_days as threshold`);
    return claimed.map(({ kind, item }) => `${kind}:${item}`);
  }
}

const keyOf = ({ kind, id }: ExpiryItem): string => `${kind}:${id}`;

function dueItem(item: ExpiryItem, now: Date, timezone: string): DueItem[] {
  if (item.news !== 'expires')
    return [{ ...item, threshold: AFTERWARDS, daysLeft: calendarDays(now, item.expiresAt, timezone) }];
  const due = dueThreshold(item, now, timezone);
  return due ? [{ ...item, ...due }] : [];
}

const alertItem = ({
  kind,
  news,
  application,
  licenseType,
  quantity,
  holder,
  reason,
  ...item
}: DueItem): LicenseAlertItem => ({
  kind,
  news,
  application,
  licenseType,
  ...(quantity === undefined ? {} : { quantity }),
  holder,
  expiresAt: item.expiresAt.toISOString(),
  daysLeft: item.daysLeft,
  ...(reason === undefined ? {} : { reason }),
});
