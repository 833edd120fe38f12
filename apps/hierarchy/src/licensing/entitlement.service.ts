import { Injectable } from '@nestjs/common';
import { MessagingEntitlementChangedV1 } from '@strowger/contracts-hierarchy';
import { factOf } from '@strowger/kernel';
import { Db, Outbox, sql } from '@strowger/persistence';
import { PRODUCTS } from './catalog.js';

const MESSAGING = [...new Set(PRODUCTS.filter((p) => p.messaging).map((p) => p.application))];

/** Keeps `messaging_entitled` of users, and the facts about it, to what their licenses and trials say. */
@Injectable()
export class Entitlement {
  constructor(
    private readonly db: Db,
    private readonly outbox: Outbox,
  ) {}

  /** After a change of what these users hold. A fact only where it made a difference. */
  async settle(...userIds: readonly string[]): Promise<void> {
    if (userIds.length === 0) return;
    await this.db.em().flush();
    const changed = await this.db.query<{ id: string; providerId: string; revision: number; entitled: boolean }>(sql`
      with due as (
        select u.id, messaging_entitled(u.id, ${MESSAGING}::text[]) as entitled from app_user u
          where u.id = any(${userIds}::uuid[]) and u.ended_at is null order by u.id for no key update)
      update app_user u set messaging_entitled = due.entitled, license_revision = u.license_revision + 1,
          version = u.version + 1
        from due where u.id = due.id and u.messaging_entitled <> due.entitled
        returning u.id, u.system_provider_id as "providerId", u.license_revision as revision, due.entitled`);
    await this.outbox.addAll(
      changed.map(({ id, providerId, revision, entitled }) =>
        factOf(
          MessagingEntitlementChangedV1,
          { subject: id, sequence: revision, tenantId: providerId },
          { userId: id, systemProviderId: providerId, entitled },
        ),
      ),
    );
  }
}
