import { Inject, Injectable } from '@nestjs/common';
import type { PortalRole, PrincipalView, UserView } from '@strowger/contracts-hierarchy';
import { AppError, type Actor, type TenantScope } from '@strowger/kernel';
import { jwtVerify, SignJWT } from 'jose';
import { GatewayConfig } from '../config.js';

const ISSUER = 'strowger';

/** Who calls: a portal user with a role, or a client acting for one user. */
export type Principal =
  | { kind: 'portal-user'; actor: Actor; scope: TenantScope; role: PortalRole; email: string; expiresAt: number }
  | { kind: 'client'; actor: Actor; scope: TenantScope; userId: string; expiresAt: number };

export class TokenRefused extends AppError {
  constructor(why: string) {
    super('unauthenticated', 'token-refused', why);
  }
}

interface Claims {
  typ: 'access' | 'client';
  scope: TenantScope;
  name: string;
  role?: PortalRole;
  email?: string;
}

/** Access tokens of portal users and client tokens: JWT, HS256, short-lived, audience `portal` or `client`. */
@Injectable()
export class Tokens {
  private readonly key: Uint8Array;

  constructor(@Inject(GatewayConfig) private readonly config: GatewayConfig) {
    this.key = new TextEncoder().encode(config.tokenSecret);
  }

  async forPortalUser(principal: PrincipalView): Promise<{ accessToken: string; expiresIn: number }> {
    const { scope, name, role, email, portalUserId } = principal;
    const expiresIn = this.config.accessTokenSeconds;
    return {
      accessToken: await this.sign({ typ: 'access', scope, name, role, email }, portalUserId, expiresIn),
      expiresIn,
    };
  }

  async forClient(user: UserView): Promise<{ clientToken: string; expiresIn: number }> {
    const scope: TenantScope = { level: 'user', id: user.id, systemProviderId: user.systemProviderId };
    const expiresIn = this.config.clientTokenSeconds;
    return { clientToken: await this.sign({ typ: 'client', scope, name: user.name }, user.id, expiresIn), expiresIn };
  }

  async verify(token: string, ip: string | undefined): Promise<Principal> {
    const { payload } = await jwtVerify<Claims>(token, this.key, { issuer: ISSUER, algorithms: ['HS256'] }).catch(
      () => {
        throw new TokenRefused('The token is not valid or has expired. Sign in again, or take a new client token.');
      },
    );
    const id = payload.sub ?? '';
    const expiresAt = (payload.exp ?? 0) * 1000;
    if (payload.typ === 'client')
      return {
        kind: 'client',
        actor: { kind: 'client', id, name: payload.name, ip },
        scope: payload.scope,
        userId: id,
        expiresAt,
      };
    const actor: Actor = { kind: 'portal-user', id, name: payload.name, ip };
    return {
      kind: 'portal-user',
      actor,
      scope: payload.scope,
      role: payload.role ?? 'support',
      email: payload.email ?? '',
      expiresAt,
    };
  }

  private sign(claims: Claims, subject: string, seconds: number): Promise<string> {
    return new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(ISSUER)
      .setSubject(subject)
      .setIssuedAt()
      .setExpirationTime(`${seconds}s`)
      .sign(this.key);
  }
}
