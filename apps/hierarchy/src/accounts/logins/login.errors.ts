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
