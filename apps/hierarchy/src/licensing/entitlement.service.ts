import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import { MessagingEntitlementChangedV1 } from '@strowger/contracts-hierarchy';
import { factOf } from '@strowger/kernel';
import { Db, Outbox, sql } from '@strowger/persistence';
import type { User } from '../tree/users/user.entity.js';
import { PRODUCTS } from './catalogue.js';

const MESSAGING = [...new Set(PRODUCTS.filter((p) => p.messaging).map((p) => p.application))];

/** Keeps `messaging_entitled` of users, and the facts about it, to what their licences and trials say. */
@Injectable()
export class Entitlement {
  constructor(
    private readonly db: Db,
    private readonly outbox: Outbox,
  ) {}

  /** After a change of what one user holds. The caller has the user's row locked. */
  async settle(em: EntityManager, user: User): Promise<void> {
    await em.flush();
    await em.refresh(user);
    const [row] = await this.db.query<{ entitled: boolean }>(
      sql`select messaging_entitled(${user.id}, ${MESSAGING}::text[]) as entitled`,
    );
    this.outbox.add(em, user.licensed(row!.entitled));
    await em.flush();
  }

  /** The same for many, set by set. */
  async settleAll(userIds: readonly string[]): Promise<void> {
    if (userIds.length === 0) return;
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
