import { AppError } from '@strowger/kernel';

/** Does not tell whose it is: the other provider's name is none of the caller's business. */
export class ServerHostNameTaken extends AppError {
  constructor(hostNames: string[]) {
    super(
      'conflict',
      'server-host-name-taken',
      `A server host name belongs to one system provider only, and one of these is in use already: ${hostNames.join(', ')}. Choose another, or remove it where it is used first.`,
      { hostNames },
    );
  }
}
