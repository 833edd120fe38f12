/** A user as licensing sees one. The row is the tree's: licensing reads it, locks it, and keeps only its entitlement. */
import { sql, type Db } from '@strowger/persistence';
import type { HistoryObject } from '../history/history.service.js';
import type { Licensee } from './license-assignment.entity.js';

export interface LicensedUser extends Licensee {
  name: string;
  /** The user id as it is compared: who has it has had its trials. */
  broadworksUserKey: string;
}

export const historyObjectOf = ({ id, name, systemProviderId, resellerId, groupId }: LicensedUser): HistoryObject => ({
  kind: 'user',
  id,
  name,
  systemProviderId,
  resellerId,
  groupId,
  userId: id,
});

/** The user who has the id now, with its row locked until the transaction ends. */
export async function lockUserByKey(db: Db, systemProviderId: string, key: string): Promise<LicensedUser | undefined> {
  const [user] = await db.query(sql<LicensedUser>`
    select id, name, system_provider_id as "systemProviderId", reseller_id as "resellerId", group_id as "groupId",
      broadworks_user_key as "broadworksUserKey"
    from app_user
    where system_provider_id = ${systemProviderId} and broadworks_user_key = ${key} and ended_at is null for update`);
  return user;
}
