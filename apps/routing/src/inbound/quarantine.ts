/** The way into quarantine; QuarantineService is the way out. */
import { Injectable } from '@nestjs/common';
import type { RawDelivery } from '@strowger/contracts-ingestion';
import type { QuarantinedView } from '@strowger/contracts-routing';
import { newId } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import type { Inbound } from './inbound.js';

/** What can't be routed now: kept whole, shown with the reason, routed again when the reason is gone. */
export interface Quarantined {
  deliveryId: string;
  part: number;
  platformId: string;
  systemProviderId: string;
  reason: QuarantinedView['reason'];
  detail: string;
  number?: string;
  carrierMessageId?: string;
  content: Inbound | Unreadable;
  at: string;
}
export interface Unreadable {
  kind: string;
  raw: RawDelivery;
}

@Injectable()
export class Quarantine {
  constructor(private readonly db: Db) {}

  /** Joins the caller's transaction; a delivery comes in once. */
  async add(items: readonly Quarantined[]): Promise<void> {
    if (items.length === 0) return;
    await this.db.query(sql`
      insert into quarantined (id, delivery_id, part, platform_id, system_provider_id, reason, detail, number, carrier_message_id, content, at)
      select * from unnest(${items.map(() => newId())}::uuid[], ${items.map((q) => q.deliveryId)}::uuid[], ${items.map((q) => q.part)}::smallint[],
                           ${items.map((q) => q.platformId)}::uuid[], ${items.map((q) => q.systemProviderId)}::uuid[], ${items.map((q) => q.reason)}::text[],
                           ${items.map((q) => q.detail)}::text[], ${items.map((q) => q.number ?? null)}::text[], ${items.map((q) => q.carrierMessageId ?? null)}::text[],
                           ${items.map((q) => JSON.stringify(q.content))}::jsonb[], ${items.map((q) => q.at)}::timestamptz[])
      on conflict (delivery_id, part) do nothing`);
  }
}
