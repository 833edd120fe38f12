import { Injectable } from '@nestjs/common';
import type { RefreshSession, SessionGrant, SignIn } from '@strowger/contracts-hierarchy';
import type { Actor } from '@strowger/kernel';
import { Accounts } from '../portal-users/accounts.service.js';
import { LoginThrottle } from './login-throttle.service.js';
import { AccountLocked, InvalidCredentials, RefreshTokenReused, SessionEnded } from './session.errors.js';

@Injectable()
export class SessionsService {
  constructor(
    private readonly accounts: Accounts,
    private readonly throttle: LoginThrottle,
  ) {}

  /** @throws InvalidCredentials, AccountLocked, TooManyLoginAttempts */
  async signIn({ ip }: Actor, { email, password, userAgent }: SignIn): Promise<SessionGrant> {
    const attempt = await this.throttle.admit(email.toLowerCase(), ip);
    const grant = await this.accounts.signIn(email, password, { ip, userAgent });
    if (!grant) throw new InvalidCredentials();
    await this.throttle.succeeded(attempt);
    if (grant === 'locked') throw new AccountLocked();
    return grant;
  }

  /** @throws SessionEnded, RefreshTokenReused */
  async refresh({ ip }: Actor, { refreshToken, userAgent }: RefreshSession): Promise<SessionGrant> {
    const outcome = await this.accounts.refresh(refreshToken, { ip, userAgent });
    if (outcome === 'ended') throw new SessionEnded();
    if (outcome === 'reused') throw new RefreshTokenReused();
    return outcome;
  }

  /** Safe to repeat, also with a token nobody knows. */
  end(refreshToken: string): Promise<void> {
    return this.accounts.endSession(refreshToken);
  }
}
