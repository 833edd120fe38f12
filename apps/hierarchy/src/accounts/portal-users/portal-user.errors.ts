import { AppError } from '@strowger/kernel';

export class EmailTaken extends AppError {
  constructor(email: string) {
    super(
      'conflict',
      'portal-user-exists',
      `'${email}' already signs in to the portal as another portal user. Use another e-mail address.`,
      { email },
    );
  }
}

export class UserNameTaken extends AppError {
  constructor(userName: string) {
    super(
      'conflict',
      'portal-user-exists',
      `The system provider has another portal user named '${userName}'. Choose another user name.`,
      { userName },
    );
  }
}

/** The switch of the system provider for accounts that its back office asks for. */
export class InvitationsOff extends AppError {
  constructor() {
    super(
      'forbidden',
      'invitations-off',
      'The system provider does not let its back office add portal users. An administrator adds them in the portal.',
    );
  }
}

/** Seed 000: platforms can't be added without someone to alert. */
export class NoAlertRecipient extends AppError {
  constructor(systemProviderId: string) {
    super(
      'conflict',
      'alert-recipient-required',
      'CPaaS platforms can’t be added, because no portal user at the system provider level is set to receive alerts. ' +
        'They are told of any issue with CPaaS enablement, so there must be at least one. ' +
        'Turn on “Send Alerts” for a portal user of the system provider, then add the platform again.',
      { systemProviderId },
    );
  }
}

/** Seed 000: the other direction of the alert guard. */
export class LastAlertRecipient extends AppError {
  constructor(action: 'updated' | 'locked' | 'deleted', portalUserId: string, email: string) {
    const remedy =
      action === 'updated' ? 'Keep “Send Alerts” on for this user, or turn it on for' : 'Turn on “Send Alerts” for';
    super(
      'conflict',
      'alert-recipient-required',
      `${email} can’t be ${action} like this, as it is the only portal user of the system provider set to receive alerts. ` +
        'While a CPaaS platform exists, someone must be told of issues with CPaaS enablement. ' +
        `${remedy} another portal user of the system provider first.`,
      { portalUserId, email },
    );
  }
}

/** Someone who can sign in must be left at the top. */
export class LastOperator extends AppError {
  constructor() {
    super(
      'conflict',
      'last-operator',
      'This is the only administrator of the installation who can sign in, so without it everyone would be locked out.',
    );
  }
}

export class OwnAccount extends AppError {
  constructor() {
    super('conflict', 'own-account', 'You can’t lock yourself out. Ask another administrator to do it.');
  }
}

/** The link was used, is older than an hour, or never was. */
export class ResetTokenRefused extends AppError {
  constructor() {
    super(
      'invalid',
      'reset-token-refused',
      'This link to set a new password has been used or has expired. Ask for a new one.',
    );
  }
}

export class TooManyResets extends AppError {
  constructor(retryAfterSeconds: number) {
    super(
      'rate-limited',
      'too-many-password-resets',
      `New passwords were asked for too often from here. Wait ${Math.ceil(retryAfterSeconds / 60)} min, then try again.`,
      {},
      { retryAfterSeconds },
    );
  }
}
