import { AppError } from '@strowger/kernel';

/** The same answer for a token that never was, one that has expired, and one of another kind of platform. */
export class HookEndpointNotFound extends AppError {
  constructor() {
    super(
      'not-found',
      'hook-endpoint-not-found',
      'There is no webhook at this address. Copy it anew from the platform.',
    );
  }
}

/** Our own trouble, hence no 404: this instance has never seen the list of endpoints. */
export class EndpointsUnknown extends AppError {
  constructor() {
    super(
      'unavailable',
      'endpoints-unknown',
      'The service is starting. Try again shortly.',
      {},
      { retryAfterSeconds: 5 },
    );
  }
}
