import { Injectable } from '@nestjs/common';
import { Timers } from '@strowger/jobs';
import { LoginHistory } from '../logins/login-history.service.js';
import { Accounts } from '../portal-users/accounts.service.js';
import { PasswordResets } from '../portal-users/password-resets.service.js';
import { LoginThrottle } from '../logins/login-throttle.service.js';

const HOUR_SECONDS = 3600;

/** Keeps sessions, login attempts and the login history from growing for ever. */
@Injectable()
export class SessionExpiry {
  constructor(
    timers: Timers,
    accounts: Accounts,
    throttle: LoginThrottle,
    resets: PasswordResets,
    history: LoginHistory,
  ) {
    timers.everySeconds(HOUR_SECONDS, 'session-expiry', async () => {
      await accounts.forgetExpiredSessions();
      await throttle.forgetOld();
      await resets.forgetOld();
      await history.forgetOld();
    });
  }
}
