import { Injectable } from '@nestjs/common';
import { hierarchyRpc, type RefreshSession, type SessionGrant, type SignIn } from '@strowger/contracts-hierarchy';
import type { RpcRequest } from '@strowger/kernel';
import { Answers } from '@strowger/rpc';
import { Accounts } from '../portal-users/accounts.service.js';
import { LoginThrottle } from '../logins/login-throttle.service.js';
import { InvalidCredentials } from '../logins/login.errors.js';
import { AccountLocked, RefreshTokenReused, SessionEnded } from './session.errors.js';

/** Portal users sign in and stay signed in. Anyone who does has no scope yet, so none is looked at. */
@Injectable()
export class SessionsService {
  constructor(
    private readonly accounts: Accounts,
    private readonly throttle: LoginThrottle,
  ) {}

  /** @throws InvalidCredentials, AccountLocked, TooManyLoginAttempts */
  @Answers(hierarchyRpc.signIn)
  async signIn({ actor: { ip }, body: { email, password, userAgent } }: RpcRequest<SignIn>): Promise<SessionGrant> {
    const attempt = await this.throttle.admit(email.toLowerCase(), ip);
    const grant = await this.accounts.signIn(email, password, { ip, userAgent });
    if (!grant) throw new InvalidCredentials();
    await this.throttle.succeeded(attempt);
    if (grant === 'locked') throw new AccountLocked();
    return grant;
  }

  /** @throws SessionEnded, RefreshTokenReused */
  @Answers(hierarchyRpc.refreshSession)
  async refresh({
    actor: { ip },
    body: { refreshToken, userAgent },
  }: RpcRequest<RefreshSession>): Promise<SessionGrant> {
    const outcome = await this.accounts.refresh(refreshToken, { ip, userAgent });
    if (outcome === 'ended') throw new SessionEnded();
    if (outcome === 'reused') throw new RefreshTokenReused();
    return outcome;
  }

  /** Safe to repeat, also with a token nobody knows. */
  @Answers(hierarchyRpc.endSession)
  async end({ body }: RpcRequest<RefreshSession>): Promise<null> {
    await this.accounts.endSession(body.refreshToken);
    return null;
  }
}
