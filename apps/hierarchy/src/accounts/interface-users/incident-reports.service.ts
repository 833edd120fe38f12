import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import { InterfaceUserAddressRefusedV1, InterfaceUserLockedV1 } from '@strowger/contracts-hierarchy';
import { Clock, factOf, newId } from '@strowger/kernel';
import { Outbox } from '@strowger/persistence';
import { plainText } from '../logins/plain-text.js';
import { AlertRecipients } from '../portal-users/alert-recipients.service.js';
import type { InterfaceUser } from './interface-user.entity.js';

interface Call {
  address?: string;
  operation?: string;
}

/** Facts for those who must know that a back office is shut out, or that somebody tries its name from elsewhere. */
@Injectable()
export class IncidentReports {
  constructor(
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly recipients: AlertRecipients,
  ) {}

  /** In the transaction of the lock. */
  async locked(em: EntityManager, user: InterfaceUser, call: Call): Promise<void> {
    const about = { subject: user.id, sequence: user.version, tenantId: user.systemProviderId };
    const data = { ...(await this.common(em, { ...user, userName: user.name }, call)), reason: user.lockReason! };
    this.outbox.add(em, factOf(InterfaceUserLockedV1, about, data));
  }

  async addressRefused(
    em: EntityManager,
    account: { id: string; userName: string; systemProviderId: string },
    call: Call,
  ): Promise<void> {
    // Nothing of the account changed: each such fact stands for itself.
    const data = await this.common(em, account, call);
    const about = { subject: data.incidentId, sequence: 1, tenantId: account.systemProviderId };
    this.outbox.add(em, factOf(InterfaceUserAddressRefusedV1, about, data));
  }

  private async common(
    em: EntityManager,
    { id: interfaceUserId, userName, systemProviderId }: { id: string; userName: string; systemProviderId: string },
    { address, operation }: Call,
  ) {
    const { name: systemProviderName, recipients } = await this.recipients.ofIncident(em, systemProviderId);
    return {
      incidentId: newId(),
      interfaceUserId,
      systemProviderId,
      systemProviderName,
      userName,
      at: this.clock.now().toISOString(),
      ...(address ? { address } : {}),
      ...(operation ? { operation: plainText(operation, 100)! } : {}),
      recipients,
    };
  }
}
