import { AppError, InvalidInput } from '@strowger/kernel';

export class PlatformHasNumbers extends AppError {
  constructor(platformId: string, numbers: number) {
    super(
      'conflict',
      'platform-has-numbers',
      `The platform can’t be removed while ${numbers === 1 ? '1 number is' : `${numbers} numbers are`} on it. Release ${numbers === 1 ? 'it' : 'them'} first.`,
      { platformId, numbers },
    );
  }
}

/** A kind that this version has no adapter for. */
export class PlatformKindUnknown extends InvalidInput {
  constructor(known: readonly string[]) {
    const message = `There is no such kind of platform. Choose one of: ${known.join(', ')}.`;
    super([{ field: 'kind', rule: 'in', message }]);
  }
}

/** The sweep gave the alert guard's hold back before the platform was saved. */
export class PlatformTookTooLong extends AppError {
  constructor() {
    super('unavailable', 'platform-took-too-long', 'Verifying the platform took too long. Try again.');
  }
}
