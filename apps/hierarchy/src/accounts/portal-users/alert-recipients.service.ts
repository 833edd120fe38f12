import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import { AlertRecipientsChangedV1, type AlertRecipient } from '@strowger/contracts-hierarchy';
import { factOf } from '@strowger/kernel';
import { Outbox } from '@strowger/persistence';
import { SettingsService } from '../../nodes/settings.service.js';
import { PortalUser } from './portal-user.entity.js';

/** A system provider whose row the caller has locked, so that revisions follow the order of commits. */
export interface AlertingProvider {
  id: string;
  name: string;
  nextAlertRevision(): number;
}

@Injectable()
export class AlertRecipients {
  constructor(
    private readonly outbox: Outbox,
    private readonly settings: SettingsService,
  ) {}

  /** Everyone at the provider who receives alerts. Who is locked is told of nothing. */
  of(em: EntityManager, systemProviderId: string): Promise<PortalUser[]> {
    return em.find(
      PortalUser,
      { systemProviderId, level: 'system-provider', alerts: true, lockedAt: null, endedAt: null },
      { orderBy: { id: 'asc' } },
    );
  }

  /** Everyone at the provider who is told of trouble with access to it: "Send Alerts" or "Send Technical Emails". */
  async ofIncident(
    em: EntityManager,
    systemProviderId: string,
  ): Promise<{ name: string; recipients: AlertRecipient[] }> {
    const chain = await this.settings.chain(em, { systemProviderId });
    const { timezone } = await this.settings.effective(em, { systemProviderId });
    const users = await em.find(
      PortalUser,
      {
        systemProviderId,
        level: 'system-provider',
        $or: [{ alerts: true }, { technicalEmails: true }],
        lockedAt: null,
        endedAt: null,
      },
      { orderBy: { id: 'asc' } },
    );
    return {
      name: chain.at(-1)?.origin.name ?? '',
      recipients: users.map((user) => user.asRecipient(timezone.value)),
    };
  }

  /** Tells the whole list as this transaction leaves it. */
  async publish(em: EntityManager, provider: AlertingProvider): Promise<void> {
    await em.flush();
    const { timezone } = await this.settings.effective(em, { systemProviderId: provider.id });
    const recipients = (await this.of(em, provider.id)).map((user) => user.asRecipient(timezone.value));
    const { id: systemProviderId, name: systemProviderName } = provider;
    this.outbox.add(
      em,
      factOf(
        AlertRecipientsChangedV1,
        { subject: systemProviderId, sequence: provider.nextAlertRevision(), tenantId: systemProviderId },
        { systemProviderId, systemProviderName, recipients },
      ),
    );
  }
}
