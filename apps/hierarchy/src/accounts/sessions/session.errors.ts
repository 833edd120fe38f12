import { AppError } from '@strowger/kernel';

/** Only for someone who knows the password. */
export class AccountLocked extends AppError {
  constructor() {
    super('forbidden', 'account-locked', 'This account has been locked by an administrator. Ask them to unlock it.');
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
