/** Mails about accounts. Hierarchy names the recipients, since here only those of alerts are known. */
import {
  InterfaceUserAddressRefusedV1,
  InterfaceUserLockedV1,
  PasswordResetRequestedV1,
  PortalUserInvitedV1,
  type AlertRecipient,
} from '@strowger/contracts-hierarchy';
import { Consumer, Handles, type Received } from '@strowger/messaging';
import { logger } from '@strowger/telemetry';
import { NotificationConfig } from '../config.js';
import * as templates from '../mail/account-templates.js';
import type { Mail } from '../mail/mail-delivery.entity.js';
import { MailService } from '../mail/mail.service.js';

/** Operators belong to no system provider, but their mails need one in the log. */
const NO_PROVIDER = '00000000-0000-0000-0000-000000000000';

const log = logger('mail');

@Consumer('notification-accounts')
export class AccountsConsumer {
  constructor(
    private readonly mail: MailService,
    private readonly config: NotificationConfig,
  ) {}

  @Handles(InterfaceUserLockedV1)
  async onInterfaceUserLocked({ data }: Received<InterfaceUserLockedV1>): Promise<void> {
    await this.notifyAll(data, (reader) => templates.interfaceUserLocked(data, reader, this.config.portalUrl));
  }

  @Handles(InterfaceUserAddressRefusedV1)
  async onAddressRefused({ data }: Received<InterfaceUserAddressRefusedV1>): Promise<void> {
    await this.notifyAll(data, (reader) => templates.interfaceUserAddressRefused(data, reader, this.config.portalUrl));
  }

  @Handles(PasswordResetRequestedV1)
  async onPasswordResetRequested({ data }: Received<PasswordResetRequestedV1>): Promise<void> {
    const mail = templates.passwordReset(data, this.config.portalUrl);
    await this.mail.notify(data.systemProviderId ?? NO_PROVIDER, data.resetId, data.email, mail);
  }

  @Handles(PortalUserInvitedV1)
  async onPortalUserInvited({ data }: Received<PortalUserInvitedV1>): Promise<void> {
    await this.notifyAll(data, (reader) => templates.portalUserInvited(data, reader, this.config.portalUrl));
  }

  private async notifyAll(
    {
      systemProviderId,
      incidentId,
      recipients,
    }: InterfaceUserLockedV1 | InterfaceUserAddressRefusedV1 | PortalUserInvitedV1,
    write: (reader: AlertRecipient) => Mail,
  ): Promise<void> {
    if (recipients.length === 0) log.error({ systemProviderId, incidentId }, 'incident-without-recipient');
    for (const reader of recipients) await this.mail.notify(systemProviderId, incidentId, reader.email, write(reader));
  }
}
