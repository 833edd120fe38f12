import { Injectable } from '@nestjs/common';
import { Timers } from '@strowger/jobs';
import { Accounts } from '../portal-users/accounts.service.js';
import { LoginThrottle } from './login-throttle.service.js';

const HOUR_SECONDS = 3600;

/** Keeps sessions and login attempts from growing for ever. */
@Injectable()
export class SessionExpiry {
  constructor(timers: Timers, accounts: Accounts, throttle: LoginThrottle) {
    timers.everySeconds(HOUR_SECONDS, 'session-expiry', async () => {
      await accounts.forgetExpiredSessions();
      await throttle.forgetOld();
    });
  }
}
