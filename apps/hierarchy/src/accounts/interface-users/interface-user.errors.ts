import { AppError } from '@strowger/kernel';

/** A parameter of the SOAP API that every call needs. Not a login attempt: nobody is locked for it. */
export class CredentialMissing extends AppError {
  constructor(parameter: 'loginUserName' | 'loginPassword') {
    super('invalid', 'parameter-missing', `The parameter ${parameter} is mandatory and was not given.`, { parameter });
  }
}

/** One text for a wrong password, an unknown name, a locked account and one that is no interface user's (guide 002). */
export class AuthFailed extends AppError {
  constructor() {
    super(
      'unauthenticated',
      'auth-failed',
      'Login has failed and the account has been locked. Please refer to the login history for further information.',
    );
  }
}

/** Says nothing about the name: a caller from elsewhere must not learn whether it exists. */
export class IpNotAllowed extends AppError {
  constructor() {
    super(
      'forbidden',
      'ip-not-allowed',
      'Calls from this address are not allowed. Ask your provider to add it to the access control list of your interface user.',
    );
  }
}

/** More logins wait for their password to be verified than can be in useful time. */
export class TooManyLogins extends AppError {
  constructor() {
    super(
      'rate-limited',
      'too-many-logins',
      'Too many logins are being verified right now. This was not counted as an attempt; call again in a moment.',
      {},
      { retryAfterSeconds: 1 },
    );
  }
}

export class InterfaceUserExists extends AppError {
  constructor(userName: string) {
    super(
      'conflict',
      'interface-user-exists',
      `An interface user named '${userName}' exists already. Names are unique in the installation; choose another.`,
      { userName },
    );
  }
}
