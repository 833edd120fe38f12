import { AppError } from '@strowger/kernel';

/** Does not say whose it is: the other provider's name is not the caller's business. */
export class HostNameInUse extends AppError {
  constructor(hostNames: string[]) {
    super(
      'conflict',
      'hostname-in-use',
      `A server host name belongs to one system provider only, and one of these is in use already: ${hostNames.join(', ')}. Choose another, or remove it where it is used first.`,
      { hostNames },
    );
  }
}

export class LastServerHostName extends AppError {
  constructor(hostName: string) {
    super(
      'conflict',
      'last-server-host-name',
      `'${hostName}' is the only server host name of this system provider, and clients find the provider by it. Add another one first.`,
      { hostName },
    );
  }
}

export class TooManyServerHostNames extends AppError {
  constructor(most: number) {
    super('conflict', 'too-many-server-host-names', `A system provider has at most ${most} server host names.`, {
      most,
    });
  }
}

export class ProviderExists extends AppError {
  constructor(key: string) {
    super(
      'conflict',
      'provider-exists',
      `There is a system provider with the id '${key}' here already. Use that one, or give another id.`,
      { key },
    );
  }
}
