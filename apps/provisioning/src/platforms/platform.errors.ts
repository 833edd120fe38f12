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

export class BaseUrlNotAllowed extends InvalidInput {
  constructor(allowed: readonly string[]) {
    super([
      {
        field: 'baseUrl',
        rule: 'allowed',
        message: `This address is not one this installation may call. Choose one of: ${allowed.join(', ')}.`,
      },
    ]);
  }
}

/** The installation was set up without an address for this kind of carrier. */
export class CarrierNotConfigured extends InvalidInput {
  constructor(kind: string) {
    super([
      {
        field: 'kind',
        rule: 'configured',
        message: `This installation has no address for ${kind}. Ask its operator to set one.`,
      },
    ]);
  }
}

/** A kind that this version has no adapter for. */
export class PlatformKindUnknown extends InvalidInput {
  constructor(known: readonly string[]) {
    const message = `There is no such kind of platform. Choose one of: ${known.join(', ')}.`;
    super([{ field: 'kind', rule: 'in', message }]);
  }
}

/** The installation was set up without an address for this profile. */
export class ExchangeNotConfigured extends InvalidInput {
  constructor(profile: string) {
    super([
      {
        field: 'credentials.messageExchangeProfile',
        rule: 'configured',
        message: `This installation has no address for Message Exchange (profile ${profile}). Ask its operator to set one, or leave the token out.`,
      },
    ]);
  }
}

/** The sweep gave the alert guard's hold back before the platform was saved. */
export class PlatformTookTooLong extends AppError {
  constructor() {
    super('unavailable', 'platform-took-too-long', 'Verifying the platform took too long. Try again.');
  }
}
