import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import { AlertRecipientsChangedV1, type AlertRecipient } from '@strowger/contracts-hierarchy';
import { factOf } from '@strowger/kernel';
import { Db, Outbox, sql } from '@strowger/persistence';
import { SettingsService } from '../../nodes/settings.service.js';
import { PortalUser } from './portal-user.entity.js';

/** Who at a system provider is notified of what goes wrong there. */
@Injectable()
export class AlertRecipients {
  constructor(
    private readonly db: Db,
    private readonly outbox: Outbox,
    private readonly settings: SettingsService,
  ) {}

  /** Everyone at the provider who receives alerts. Someone who is locked is not notified. */
  of(em: EntityManager, systemProviderId: string): Promise<PortalUser[]> {
    return em.find(
      PortalUser,
      { systemProviderId, level: 'system-provider', alerts: true, lockedAt: null, endedAt: null },
      { orderBy: { id: 'asc' } },
    );
  }

  /**
   * Everyone at the provider who is notified of trouble with access to it: "Send Alerts" or "Send Technical Emails".
   * Where nobody is, the operators are: such news always reaches somebody.
   */
  async ofIncident(
    em: EntityManager,
    systemProviderId: string,
  ): Promise<{ name: string; recipients: AlertRecipient[] }> {
    const chain = await this.settings.chain(em, { systemProviderId });
    const { timezone } = await this.settings.effective(em, { systemProviderId });
    const active = { lockedAt: null, endedAt: null };
    const byId = { orderBy: { id: 'asc' } } as const;
    const notified = { ...active, $or: [{ alerts: true }, { technicalEmails: true }] };
    const own = await em.find(PortalUser, { ...notified, systemProviderId, level: 'system-provider' }, byId);
    const users = own.length > 0 ? own : await em.find(PortalUser, { ...active, level: 'platform' }, byId);
    return {
      name: chain.at(-1)?.origin.name ?? '',
      recipients: users.map((user) => user.asRecipient(timezone.value)),
    };
  }

  /**
   * Publishes the whole list as this transaction leaves it. The caller has locked the system provider's row, so that
   * revisions follow the order of commits.
   */
  async publish(em: EntityManager, systemProviderId: string): Promise<void> {
    await em.flush();
    const { timezone } = await this.settings.effective(em, { systemProviderId });
    const recipients = (await this.of(em, systemProviderId)).map((user) => user.asRecipient(timezone.value));
    const [provider] = await this.db.query(sql<{ name: string; sequence: number }>`
      update system_provider set alert_revision = alert_revision + 1 where id = ${systemProviderId}
      returning name, alert_revision as sequence`);
    const { name: systemProviderName, sequence } = provider!;
    this.outbox.add(
      em,
      factOf(
        AlertRecipientsChangedV1,
        { subject: systemProviderId, sequence, tenantId: systemProviderId },
        { systemProviderId, systemProviderName, recipients },
      ),
    );
  }
}
