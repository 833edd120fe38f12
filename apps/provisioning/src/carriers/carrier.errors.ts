import { InvalidInput } from '@strowger/kernel';

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
