import { LicenseExpiryAlertedV1 } from '@strowger/contracts-hierarchy';
import {
  NumberCleanupRequiredV1,
  NumberEnablementFailedV1,
  PlatformCredentialsFailedV1,
  PlatformCredentialsRecoveredV1,
} from '@strowger/contracts-provisioning';
import { Consumer, Handles, type Received } from '@strowger/messaging';
import { NotificationConfig } from '../config.js';
import { MailService } from '../mail/mail.service.js';
import * as templates from '../mail/templates.js';

/** Turns incidents, which other services decide on, into mails to the people who asked for alerts. */
@Consumer('notification-incidents')
export class IncidentsConsumer {
  constructor(
    private readonly mail: MailService,
    private readonly config: NotificationConfig,
  ) {}

  @Handles(NumberEnablementFailedV1)
  async onEnablementFailed({ data }: Received<NumberEnablementFailedV1>): Promise<void> {
    await this.mail.alert(
      data.owner.systemProviderId,
      data.incidentId,
      templates.enablementFailed(data, this.config.portalUrl),
    );
  }

  @Handles(NumberCleanupRequiredV1)
  async onCleanupRequired({ data }: Received<NumberCleanupRequiredV1>): Promise<void> {
    await this.mail.alert(
      data.systemProviderId,
      data.incidentId,
      templates.cleanupRequired(data, this.config.portalUrl),
    );
  }

  @Handles(PlatformCredentialsFailedV1)
  async onCredentialsFailed({ data }: Received<PlatformCredentialsFailedV1>): Promise<void> {
    await this.mail.alert(
      data.systemProviderId,
      data.incidentId,
      templates.credentialsFailed(data, this.config.portalUrl),
    );
  }

  @Handles(PlatformCredentialsRecoveredV1)
  async onCredentialsRecovered({ data }: Received<PlatformCredentialsRecoveredV1>): Promise<void> {
    await this.mail.alert(
      data.systemProviderId,
      data.incidentId,
      templates.credentialsRecovered(data, this.config.portalUrl),
    );
  }

  @Handles(LicenseExpiryAlertedV1)
  async onLicenseExpiryAlerted({ data }: Received<LicenseExpiryAlertedV1>): Promise<void> {
    const mail = templates.licenseExpiry(data, this.config.portalUrl);
    await this.mail.notify(data.systemProviderId, data.incidentId, data.recipient.email, mail);
  }
}
