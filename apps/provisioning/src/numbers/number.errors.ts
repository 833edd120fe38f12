import { AppError } from '@strowger/kernel';

export class NumberAlreadyAssigned extends AppError {
  constructor(e164: string) {
    super(
      'conflict',
      'number-already-assigned',
      `The number ${e164} is already assigned. Release it where it is assigned now, then try again.`,
      { e164 },
    );
  }
}

/** The caller must choose among its provider's platforms. */
export class PlatformRequired extends AppError {
  constructor(choices: { id: string; name: string }[]) {
    const names = choices.map(({ name, id }) => `${name} (${id})`).join(', ');
    const message = `The system provider has several platforms. Name the one for this number: ${names}.`;
    super(
      'invalid',
      'platform-required',
      message,
      { choices },
      { errors: [{ field: 'platformId', rule: 'required', message }] },
    );
  }
}

export class NoPlatform extends AppError {
  constructor() {
    super(
      'conflict',
      'no-platform',
      'Numbers can’t be added yet, because the system provider has no CPaaS platform. Add one first.',
    );
  }
}

/** The id was used before, for something else. */
export class NumberRequestDiffers extends AppError {
  constructor(id: string) {
    super('conflict', 'number-request-differs', 'The same number id was used before with a different request.', { id });
  }
}

export class NumberStateConflict extends AppError {
  constructor(id: string, state: string, action: string) {
    super('conflict', 'number-state-conflict', `The number is ${state}, so ${action}.`, { id, state });
  }
}

export class RefreshedRecently extends AppError {
  constructor(id: string, retryAfterSeconds: number) {
    super(
      'rate-limited',
      'refreshed-recently',
      `The status was refreshed a moment ago. Try again in ${retryAfterSeconds} seconds.`,
      { id },
      { retryAfterSeconds },
    );
  }
}

/** Message Exchange was asked again and still refuses. `details.reason` is verbatim. */
export class EnablementStillFailed extends AppError {
  constructor(id: string, reason: string) {
    super(
      'conflict',
      'enablement-still-failed',
      `The mobile carrier platform still refuses to SMS-enable the number. The error message received was '${reason}'.`,
      { id, reason },
    );
  }
}
