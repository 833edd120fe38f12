import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import { AlertRecipientsChangedV1 } from '@strowger/contracts-hierarchy';
import { factOf } from '@strowger/kernel';
import { Outbox } from '@strowger/persistence';
import { PortalUser } from './portal-user.entity.js';

/** A system provider whose row the caller has locked, so that revisions follow the order of commits. */
export interface AlertingProvider {
  id: string;
  name: string;
  timezone: string;
  nextAlertRevision(): number;
}

@Injectable()
export class AlertRecipients {
  constructor(private readonly outbox: Outbox) {}

  /** Everyone at the provider who receives alerts. */
  of(em: EntityManager, systemProviderId: string): Promise<PortalUser[]> {
    return em.find(
      PortalUser,
      { systemProviderId, level: 'system-provider', alerts: true, endedAt: null },
      { orderBy: { id: 'asc' } },
    );
  }

  /** Tells the whole list as this transaction leaves it. */
  async publish(em: EntityManager, provider: AlertingProvider): Promise<void> {
    await em.flush();
    const recipients = (await this.of(em, provider.id)).map((user) => user.asRecipient(provider.timezone));
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
