import { AppError } from '@strowger/kernel';

export class EmailTaken extends AppError {
  constructor(email: string) {
    super(
      'conflict',
      'email-taken',
      `'${email}' already signs in to the portal as another portal user. Use another e-mail address.`,
      { email },
    );
  }
}

/** Seed 000: platforms can't be added without someone to alert. */
export class NoAlertRecipient extends AppError {
  constructor(systemProviderId: string) {
    super(
      'conflict',
      'no-alert-recipient',
      'CPaaS platforms can’t be added, because no portal user at the system provider level is set to receive alerts. ' +
        'They are told of any issue with CPaaS enablement, so there must be at least one. ' +
        'Turn on “Send Alerts” for a portal user of the system provider, then add the platform again.',
      { systemProviderId },
    );
  }
}

/** Seed 000: the other direction of the alert guard. */
export class LastAlertRecipient extends AppError {
  constructor(action: 'updated' | 'deleted', portalUserId: string, email: string) {
    const remedy =
      action === 'updated' ? 'Keep “Send Alerts” on for this user, or turn it on for' : 'Turn on “Send Alerts” for';
    super(
      'conflict',
      'last-alert-recipient',
      `${email} can’t be ${action} like this, as it is the only portal user of the system provider set to receive alerts. ` +
        'While a CPaaS platform exists, someone must be told of issues with CPaaS enablement. ' +
        `${remedy} another portal user of the system provider first.`,
      { portalUserId, email },
    );
  }
}

export class LastOperator extends AppError {
  constructor() {
    super(
      'conflict',
      'last-operator',
      'This is the only operator of the installation, so deleting it would lock everyone out.',
    );
  }
}
