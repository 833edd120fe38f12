/** What other services reported about numbers, licenses and platforms. An older sequence changes nothing. */
import { Injectable } from '@nestjs/common';
import type { UserSavedV1 } from '@strowger/contracts-hierarchy';
import type { NumberActivatedV1, PlatformSavedV1 } from '@strowger/contracts-provisioning';
import type { TenantScope } from '@strowger/kernel';
import { Db, inScope, sql } from '@strowger/persistence';

/** A number as routing knows it; `numberId` is one assignment to one owner. */
export interface OwnedNumber {
  numberId: string;
  e164: string;
  friendlyName: string;
  platformId: string;
  systemProviderId: string;
  resellerId: string;
  groupId: string;
  userId: string;
}

export interface KnownPlatform {
  platformId: string;
  systemProviderId: string;
  kind: string;
  name: string;
  ratePerSecond: number;
  smsAvailable: boolean;
  userCanBlock: boolean;
  sequence: number;
}

/**
 * What an inbound message may find missing. A transaction that stores a message as waiting for it holds this lock shared
 * until the commit. A transaction that makes it true holds the lock alone and then releases what waits. So no message is
 * left waiting for what is there.
 */
export const lockOf = {
  number: (platformId: string, e164: string): string => `routing:number:${platformId}:${e164}`,
  /** The key is spelled as version 0.1.0 spells it: during an upgrade, old and new processes must meet at the same lock. */
  license: (userId: string): string => `routing:licence:${userId}`,
  /** Held while it is stored or changed where a user's numbers are in the tree. */
  place: (userId: string): string => `routing:place:${userId}`,
};

@Injectable()
export class DirectoryService {
  constructor(private readonly db: Db) {}

  /** Hierarchy reports the owner's place in the tree; until it has, the place that the number's event carries counts. */
  async activate(
    { numberId, e164, friendlyName, platformId, owner }: NumberActivatedV1,
    sequence: number,
  ): Promise<void> {
    await this.lock(lockOf.number(platformId, e164));
    await this.lock(lockOf.place(owner.id));
    await this.db.query(sql`
      insert into owned_number (number_id, e164, friendly_name, platform_id, system_provider_id, reseller_id, group_id, user_id, active, sequence)
      select ${numberId}::uuid, ${e164}, ${friendlyName}, ${platformId}::uuid, ${owner.systemProviderId}::uuid, coalesce(p.reseller_id, ${owner.resellerId}::uuid),
             coalesce(p.group_id, ${owner.groupId}::uuid), ${owner.id}::uuid, true, ${sequence}::bigint
      from (select ${owner.id}::uuid as user_id) u left join user_place p on p.user_id = u.user_id
      on conflict (number_id) do update set active = true, friendly_name = excluded.friendly_name, sequence = excluded.sequence
        where owned_number.sequence < excluded.sequence`);
  }

  /** When users move, their numbers and all messages on them move too. */
  async place(users: readonly { data: UserSavedV1; sequence: number }[]): Promise<void> {
    const rows = [...users].sort((a, b) => (a.data.userId < b.data.userId ? -1 : 1));
    const locks = rows.map(({ data }) => lockOf.place(data.userId));
    const moved = await this.db.query<{ id: string }>(sql`
      with alone as materialized (select count(pg_advisory_xact_lock(hashtextextended(name, 0))) from unnest(${locks}::text[]) as name)
      insert into user_place (user_id, reseller_id, group_id, sequence)
      select t.* from alone,
        unnest(${rows.map(({ data }) => data.userId)}::uuid[], ${rows.map(({ data }) => data.resellerId)}::uuid[],
               ${rows.map(({ data }) => data.groupId)}::uuid[], ${rows.map(({ sequence }) => sequence)}::bigint[]) as t
      on conflict (user_id) do update set reseller_id = excluded.reseller_id, group_id = excluded.group_id, sequence = excluded.sequence
        where user_place.sequence < excluded.sequence
      returning user_id as id`);
    if (moved.length === 0) return;
    await this.db.query(sql`
      update owned_number n set reseller_id = p.reseller_id, group_id = p.group_id
      from user_place p
      where p.user_id = any(${moved.map(({ id }) => id)}::uuid[]) and n.user_id = p.user_id
        and (n.reseller_id, n.group_id) is distinct from (p.reseller_id, p.group_id)`);
  }

  /** Users who are gone have no rights left, also when older news still arrives. */
  async forget(userIds: readonly string[]): Promise<void> {
    const ids = [...userIds].sort();
    await this.db.query(sql`
      with gone as (delete from user_place where user_id = any(${ids}::uuid[]))
      insert into user_entitlement (user_id, entitled, sequence)
      select id, false, ${Number.MAX_SAFE_INTEGER}::bigint from unnest(${ids}::uuid[]) as id
      on conflict (user_id) do update set entitled = false, sequence = excluded.sequence where user_entitlement.sequence < excluded.sequence`);
  }

  async release(numberId: string, sequence: number): Promise<void> {
    // Also when its activation is not known yet: if that comes later, it is the older news.
    await this.db.query(sql`
      insert into owned_number (number_id, e164, friendly_name, platform_id, system_provider_id, reseller_id, group_id, user_id, active, sequence)
      values (${numberId}, '', '', ${NOBODY}, ${NOBODY}, ${NOBODY}, ${NOBODY}, ${NOBODY}, false, ${sequence})
      on conflict (number_id) do update set active = false, sequence = excluded.sequence where owned_number.sequence < excluded.sequence`);
  }

  async entitle(userId: string, entitled: boolean, sequence: number): Promise<void> {
    // No message waits for a license to end, so only a license that starts needs the lock.
    if (entitled) await this.lock(lockOf.license(userId));
    await this.db.query(sql`
      insert into user_entitlement (user_id, entitled, sequence) values (${userId}, ${entitled}, ${sequence})
      on conflict (user_id) do update set entitled = excluded.entitled, sequence = excluded.sequence where user_entitlement.sequence < excluded.sequence`);
  }

  async savePlatform(p: PlatformSavedV1, sequence: number): Promise<void> {
    await this.db.query(sql`
      insert into platform (platform_id, system_provider_id, kind, name, rate_per_second, sms_available, user_can_block, sequence)
      values (${p.platformId}, ${p.systemProviderId}, ${p.kind}, ${p.name}, ${p.ratePerSecond}, ${p.smsAvailable}, ${p.userCanBlockNumbers}, ${sequence})
      on conflict (platform_id) do update
        set name = excluded.name, rate_per_second = excluded.rate_per_second, sms_available = excluded.sms_available,
            user_can_block = excluded.user_can_block, sequence = excluded.sequence
        where platform.sequence < excluded.sequence`);
  }

  async deletePlatform(platformId: string, sequence: number): Promise<void> {
    await this.db.query(
      sql`update platform set deleted = true, sequence = ${sequence} where platform_id = ${platformId} and sequence < ${sequence}`,
    );
  }

  /** Held until the caller's transaction ends. */
  private async lock(name: string): Promise<void> {
    await this.db.query(sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`);
  }

  /** A user's active numbers inside the scope. */
  async numbersOf(scope: TenantScope, userId: string): Promise<OwnedNumber[]> {
    return this.db.query<OwnedNumber>(
      sql`${OWNED} where user_id = ${userId} and active and ${inScope(scope)} order by number_id`,
    );
  }

  async platform(platformId: string): Promise<KnownPlatform | undefined> {
    const [row] = await this.db.query<KnownPlatform>(sql`
      select platform_id as "platformId", system_provider_id as "systemProviderId", kind, name, rate_per_second as "ratePerSecond",
             sms_available as "smsAvailable", user_can_block as "userCanBlock", sequence::float8 as sequence
      from platform where platform_id = ${platformId} and not deleted`);
    return row;
  }
}

const NOBODY = '00000000-0000-0000-0000-000000000000';

const OWNED = sql`
  select number_id as "numberId", e164, friendly_name as "friendlyName", platform_id as "platformId", system_provider_id as "systemProviderId",
         reseller_id as "resellerId", group_id as "groupId", user_id as "userId"
  from owned_number`;
