import { AppError } from '@strowger/kernel';

/** The same answer for a token that never existed, one that has expired, and one of another kind of platform. */
export class HookEndpointNotFound extends AppError {
  constructor() {
    super(
      'not-found',
      'hook-endpoint-not-found',
      'There is no webhook at this address. Copy it again from the platform.',
    );
  }
}

/** Our own fault, so not a 404: this instance has never seen the list of endpoints. */
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

/** The carrier's proof is missing or wrong. Only the counter says which, so that a forger learns nothing. */
export class HookNotAuthenticated extends AppError {
  constructor() {
    super('unauthenticated', 'hook-not-authenticated', 'The request is not signed with a key of this platform.');
  }
}

/** Our own fault: a kind of carrier, or a key, that this instance doesn't have yet. */
export class HookNotReady extends AppError {
  constructor() {
    super(
      'unavailable',
      'hook-not-ready',
      'The webhook is not ready. Try again shortly.',
      {},
      { retryAfterSeconds: 30 },
    );
  }
}

/** Larger than what the carrier ever sends. */
export class HookBodyTooLarge extends AppError {
  constructor(limitBytes: number) {
    super('invalid', 'payload-too-large', `The body has more than ${limitBytes} bytes.`, { limitBytes });
  }
}
