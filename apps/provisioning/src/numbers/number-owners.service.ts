import { Injectable } from '@nestjs/common';
import { LockMode } from '@mikro-orm/postgresql';
import type { UserSavedV1 } from '@strowger/contracts-hierarchy';
import { Clock, NotFound } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { NumberOutcomes } from './number-outcomes.service.js';
import { CpaasNumber, type OwnerSnapshot } from './number.entity.js';

/** Keeps numbers in step with what hierarchy reports about users. Users come by the thousand; most have no number, and cost little. */
@Injectable()
export class NumberOwners {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly outcomes: NumberOutcomes,
  ) {}

  /** The users' numbers, those of ended assignments too, are named and found as their users are now. */
  async saved(users: readonly { data: UserSavedV1; sequence: number }[]): Promise<void> {
    // Nothing can be older than a user's first revision.
    const changed = new Map(users.filter(({ sequence }) => sequence > 1).map((user) => [user.data.userId, user]));
    if (changed.size === 0) return;
    const ids = [...changed.keys()].sort();
    const column = (field: 'name' | 'broadworksUserId' | 'resellerId' | 'groupId'): string[] =>
      ids.map((id) => changed.get(id)!.data[field]);
    await this.db.transactional(async (em) => {
      await this.lock(ids);
      await this.db.query(sql`
        insert into changed_user (user_id, revision, name, broadworks_user_id, reseller_id, group_id)
        select * from unnest(${ids}::uuid[], ${ids.map((id) => changed.get(id)!.sequence)}::int[], ${column('name')}::text[],
                             ${column('broadworksUserId')}::text[], ${column('resellerId')}::uuid[], ${column('groupId')}::uuid[])
        on conflict (user_id) do update
          set revision = excluded.revision, name = excluded.name, broadworks_user_id = excluded.broadworks_user_id,
              reseller_id = excluded.reseller_id, group_id = excluded.group_id
          where changed_user.revision < excluded.revision`);
      for (const number of await this.numbersOf(ids)) {
        const { data, sequence } = changed.get(number.userId)!;
        number.ownerChanged(data, sequence);
      }
      await em.flush();
    });
  }

  /** Releases the numbers of users who are gone. */
  async deleted(userIds: readonly string[]): Promise<void> {
    const ids = [...userIds].sort();
    await this.db.transactional(async (em) => {
      await this.lock(ids);
      await this.db.query(sql`
        with forgotten as (delete from changed_user where user_id = any(${ids}::uuid[]))
        insert into ended_user (user_id, ended_at) select id, ${this.clock.now()}::timestamptz from unnest(${ids}::uuid[]) as id
        on conflict do nothing`);
      for (const number of await this.numbersOf(ids)) {
        if (number.endedAt) continue;
        // A number that is still being set up can't be released yet; the release begins when that ends.
        if (number.state === 'provisioning' || number.state === 'cleanup-required') number.releaseWhenReady = true;
        else if (number.state !== 'releasing') await this.outcomes.beginRelease(em, number, { deleteMessages: false });
      }
      await em.flush();
    });
  }

  /**
   * In the transaction that reserves a number: the owner as hierarchy reported it last, which may be newer than its answer.
   * Assigning to a user and the user's changes take turns, so that no number is left behind where the user was.
   * @throws NotFound user, when the user is gone
   */
  async newest(owner: OwnerSnapshot): Promise<OwnerSnapshot> {
    await this.lock([owner.id]);
    const [known] = await this.db.query<{ ended: boolean; newer: boolean | null } & OwnerSnapshot>(sql`
      select exists (select 1 from ended_user where user_id = ${owner.id}) as ended, c.revision > ${owner.version} as newer,
             c.revision as version, c.name, c.broadworks_user_id as "broadworksUserId", c.reseller_id as "resellerId", c.group_id as "groupId"
      from (select 1) as one left join changed_user c on c.user_id = ${owner.id}`);
    if (known?.ended) throw new NotFound('user', owner.id);
    if (!known?.newer) return owner;
    const { version, name, broadworksUserId, resellerId, groupId } = known;
    return { ...owner, version, name, broadworksUserId, resellerId, groupId };
  }

  private numbersOf(userIds: string[]): Promise<CpaasNumber[]> {
    const lockMode = LockMode.PESSIMISTIC_WRITE;
    return this.db.em().find(CpaasNumber, { userId: { $in: userIds } }, { lockMode, orderBy: { id: 'asc' } });
  }

  /** @param userIds in order, so that two transactions which lock several don't wait for each other */
  private async lock(userIds: readonly string[]): Promise<void> {
    await this.db.query(
      sql`select pg_advisory_xact_lock(hashtextextended(id, 0)) from unnest(${userIds}::text[]) as id`,
    );
  }
}
