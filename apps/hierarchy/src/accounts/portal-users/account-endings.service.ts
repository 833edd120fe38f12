import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Actor } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { HistoryService } from '../../history/history.service.js';
import { CredentialDrops } from '../credentials/credential-drops.js';
import { AlertGuard } from './alert-guard.service.js';
import { LastAlertRecipient } from './portal-user.errors.js';

/** The column that names a node in the rows of the accounts at it and below it. */
export type NodeColumn = 'system_provider_id' | 'reseller_id' | 'group_id';

interface Ended {
  id: string;
  name: string;
  systemProviderId: string;
  resellerId: string | null;
  groupId: string | null;
}

/** Ends accounts together with their node: a few statements, however many there are. */
@Injectable()
export class AccountEndings {
  constructor(
    private readonly db: Db,
    private readonly history: HistoryService,
    private readonly guard: AlertGuard,
    private readonly drops: CredentialDrops,
  ) {}

  /** @returns how many portal users */
  async endUnder(em: EntityManager, actor: Actor, column: NodeColumn, nodeId: string, at: Date): Promise<number> {
    await em.flush();
    const under = sql`${sql.id(column)} = ${nodeId} and ended_at is null`;
    const portalUsers = await this.endPortalUsers(em, column, nodeId, at);
    const interfaceUsers =
      column === 'system_provider_id'
        ? await this.db.query(sql<Ended>`
            update interface_user set ended_at = ${at}, version = version + 1, auth_revision = auth_revision + 1
            where ${under}
            returning id, name, system_provider_id as "systemProviderId", null as "resellerId", null as "groupId"`)
        : [];
    const keys = await this.db.query(sql<Ended>`
      update api_key set ended_at = ${at}, version = version + 1 where ${under}
      returning id, name, system_provider_id as "systemProviderId", reseller_id as "resellerId",
        group_id as "groupId"`);
    const ids = (rows: Ended[]): string[] => rows.map(({ id }) => id);
    if (interfaceUsers.length > 0)
      await this.db.query(
        sql`delete from interface_user_address where interface_user_id = any (${ids(interfaceUsers)}::uuid[])`,
      );
    if (interfaceUsers.length + keys.length > 0)
      this.drops.afterCommit({ interfaceUserIds: ids(interfaceUsers), apiKeyIds: ids(keys) });
    const entries = (kind: string, rows: Ended[]) =>
      rows.map((row) => this.history.rowOf(actor, 'deleted', { ...row, kind }));
    await this.history.recordAll([
      ...entries('portal-user', portalUsers),
      ...entries('interface-user', interfaceUsers),
      ...entries('api-key', keys),
    ]);
    return portalUsers.length;
  }

  private async endPortalUsers(em: EntityManager, column: NodeColumn, nodeId: string, at: Date): Promise<Ended[]> {
    const ended = await this.db.query(sql<Ended & { alerted: boolean }>`
      update portal_user set ended_at = ${at}, version = version + 1
      where ${sql.id(column)} = ${nodeId} and ended_at is null
      returning id, email as name, system_provider_id as "systemProviderId", reseller_id as "resellerId",
        group_id as "groupId", (alerts and locked_at is null and level = 'system-provider') as alerted`);
    const last = ended.find(({ alerted }) => alerted);
    // Only a system provider's own portal users receive its alerts, and they all go with it.
    if (last && (await this.guard.isHeld(em, last.systemProviderId)))
      throw new LastAlertRecipient('deleted', last.id, last.name);
    const sessions = await this.db.query(sql<{ id: string }>`
      update session set revoked_at = ${at}
      where portal_user_id = any (${ended.map(({ id }) => id)}::uuid[]) and revoked_at is null and rotated_at is null
      returning family_id as id`);
    if (sessions.length > 0) this.drops.afterCommit({ sessionIds: sessions.map(({ id }) => id) });
    return ended.map(({ alerted: _, ...row }) => row);
  }
}
