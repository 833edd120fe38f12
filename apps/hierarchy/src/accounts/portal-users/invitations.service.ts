import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import { PortalUserInvitedV1 } from '@strowger/contracts-hierarchy';
import { Clock, factOf, newId, type Actor } from '@strowger/kernel';
import { Outbox } from '@strowger/persistence';
import { SettingsService } from '../../nodes/settings.service.js';
import { AlertRecipients } from './alert-recipients.service.js';
import { PasswordResets } from './password-resets.service.js';
import type { PortalUser } from './portal-user.entity.js';
import { InvitationsOff } from './portal-user.errors.js';

/** Accounts that a back office asks for: their owners choose a password by a mailed link, and people are notified. */
@Injectable()
export class Invitations {
  constructor(
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly settings: SettingsService,
    private readonly recipients: AlertRecipients,
    private readonly resets: PasswordResets,
  ) {}

  /**
   * In the transaction that makes the account.
   * @throws InvitationsOff where the system provider doesn't let its back office do this
   */
  async send(em: EntityManager, actor: Actor, user: PortalUser, systemProviderId: string): Promise<void> {
    const { inviteFromBackOffice } = await this.settings.effective(em, { systemProviderId });
    if (!inviteFromBackOffice.value) throw new InvitationsOff();
    await this.resets.invite(em, actor, user);
    const { name: systemProviderName, recipients } = await this.recipients.ofIncident(em, systemProviderId);
    const { id: portalUserId, name, email, level, role } = user;
    const data = {
      ...{ incidentId: newId(), portalUserId, systemProviderId, systemProviderName },
      ...{ name, email, level: level as PortalUserInvitedV1['level'], role, invitedBy: actor.name },
      at: this.clock.now().toISOString(),
      ...(actor.ip ? { address: actor.ip } : {}),
      recipients,
    };
    this.outbox.add(
      em,
      factOf(PortalUserInvitedV1, { subject: portalUserId, sequence: 1, tenantId: systemProviderId }, data),
    );
  }
}
