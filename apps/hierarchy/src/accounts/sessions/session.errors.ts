import { AppError } from '@strowger/kernel';

/** The same for an unknown e-mail address and a wrong password. */
export class InvalidCredentials extends AppError {
  constructor() {
    super(
      'unauthenticated',
      'invalid-credentials',
      'The e-mail address or the password is not right. Check both and try again.',
    );
  }
}

/** Only for someone who knows the password. */
export class AccountLocked extends AppError {
  constructor() {
    super('forbidden', 'account-locked', 'This account has been locked by an administrator. Ask them to unlock it.');
  }
}

export class TooManyLoginAttempts extends AppError {
  constructor(retryAfterSeconds: number) {
    super(
      'rate-limited',
      'too-many-login-attempts',
      `There were too many failed attempts to sign in. Wait ${Math.ceil(retryAfterSeconds / 60)} min, then try again.`,
      {},
      { retryAfterSeconds },
    );
  }
}

export class SessionEnded extends AppError {
  constructor() {
    super('unauthenticated', 'session-ended', 'The session has ended. Sign in again.');
  }
}

/** Someone used a token that was replaced already, so one of two holders is a thief: both are signed out. */
export class RefreshTokenReused extends AppError {
  constructor() {
    super(
      'unauthenticated',
      'refresh-token-reused',
      'This session was continued from somewhere else, so it has been ended for safety. Sign in again, and change your password if that was not you.',
    );
  }
}
