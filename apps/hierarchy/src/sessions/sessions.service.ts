import { Injectable } from '@nestjs/common';
import type { SessionGrant, SignIn } from '@strowger/contracts-hierarchy';
import type { Actor } from '@strowger/kernel';
import { Accounts } from '../portal-users/accounts.service.js';
import { LoginThrottle } from './login-throttle.service.js';
import { InvalidCredentials, RefreshTokenReused, SessionEnded } from './session.errors.js';

@Injectable()
export class SessionsService {
  constructor(
    private readonly accounts: Accounts,
    private readonly throttle: LoginThrottle,
  ) {}

  /** @throws InvalidCredentials, TooManyLoginAttempts */
  async signIn(actor: Actor, { email, password }: SignIn): Promise<SessionGrant> {
    const attempt = await this.throttle.admit(email.toLowerCase(), actor.ip);
    const grant = await this.accounts.signIn(email, password);
    if (!grant) throw new InvalidCredentials();
    await this.throttle.succeeded(attempt);
    return grant;
  }

  /** @throws SessionEnded, RefreshTokenReused */
  async refresh(refreshToken: string): Promise<SessionGrant> {
    const outcome = await this.accounts.refresh(refreshToken);
    if (outcome === 'ended') throw new SessionEnded();
    if (outcome === 'reused') throw new RefreshTokenReused();
    return outcome;
  }

  /** Safe to repeat, also with a token nobody knows. */
  end(refreshToken: string): Promise<void> {
    return this.accounts.endSession(refreshToken);
  }
}
