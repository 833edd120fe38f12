import { Injectable } from '@nestjs/common';
import type { ApiKeyGrant, PortalRole, PrincipalView, UserView } from '@strowger/contracts-hierarchy';
import { AppError, type Actor, type TenantScope } from '@strowger/kernel';
import { errors, jwtVerify, SignJWT, type JWTPayload } from 'jose';
import { GatewayConfig } from '../config.js';
import { ApiKeys, looksLikeApiKey } from './api-keys.js';
import { DroppedCredentials } from './dropped-credentials.js';
import { Quotas } from '../rates/quotas.js';

const ISSUER = 'strowger';
/** Tokens whose signature is known to be right; each takes some 600 bytes. */
const MOST_CHECKED = 10_000;

/** Who calls: a portal user with a role, an API key with permissions, or a client acting for one user. */
export type Principal =
  | {
      kind: 'portal-user';
      actor: Actor;
      scope: TenantScope;
      role: PortalRole;
      /** May read users' texts where the role alone doesn't say so. */
      readsTexts: boolean;
      email: string;
      sessionId?: string;
      expiresAt: number;
    }
  | { kind: 'api-key'; actor: Actor; scope: TenantScope; permissions: readonly string[]; expiresAt: number }
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
  texts?: boolean;
  email?: string;
  /** The session it was issued to. */
  sid?: string;
}

/**
 * Access tokens of portal users and client tokens: JWT, HS256, short-lived, audience `portal` or `client`. API keys are
 * looked up.
 */
@Injectable()
export class Tokens {
  private readonly key: Uint8Array;

  constructor(
    private readonly config: GatewayConfig,
    private readonly apiKeys: ApiKeys,
    private readonly dropped: DroppedCredentials,
    private readonly quotas: Quotas,
  ) {
    this.key = new TextEncoder().encode(config.tokenSecret);
  }

  async forPortalUser(
    principal: PrincipalView,
    sessionId?: string,
  ): Promise<{ accessToken: string; expiresIn: number }> {
    const { scope, name, role, readsTexts: texts, email, portalUserId } = principal;
    const expiresIn = this.config.accessTokenSeconds;
    return {
      accessToken: await this.sign(
        { typ: 'access', scope, name, role, texts, email, sid: sessionId },
        portalUserId,
        expiresIn,
      ),
      expiresIn,
    };
  }

  async forClient(
    user: Pick<UserView, 'id' | 'systemProviderId' | 'name'>,
  ): Promise<{ clientToken: string; expiresIn: number }> {
    const scope: TenantScope = { level: 'user', id: user.id, systemProviderId: user.systemProviderId };
    const expiresIn = this.config.clientTokenSeconds;
    return { clientToken: await this.sign({ typ: 'client', scope, name: user.name }, user.id, expiresIn), expiresIn };
  }

  async verify(token: string, ip: string | undefined): Promise<Principal> {
    if (looksLikeApiKey(token)) return this.ofKey(await this.apiKeys.verify(token, ip), ip);
    const payload = await this.payloadOf(token, ip);
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
    const { sid: sessionId, role = 'agent', texts: readsTexts = false, email = '', scope } = payload;
    if (sessionId && (await this.dropped.hasEnded(sessionId)))
      throw new TokenRefused('The session has ended. Sign in again.');
    const actor: Actor = { kind: 'portal-user', id, name: payload.name, role, ip };
    return {
      kind: 'portal-user',
      actor,
      scope,
      role,
      readsTexts,
      email,
      ...(sessionId ? { sessionId } : {}),
      expiresAt,
    };
  }

  /** A signature is checked once: a client sends its token with each of thousands of requests. */
  private async payloadOf(token: string, ip: string | undefined): Promise<JWTPayload & Claims> {
    const known = this.checked.get(token);
    if (known && (known.exp ?? 0) * 1000 > Date.now()) return known;
    this.checked.delete(token);
    const { payload } = await jwtVerify<Claims>(token, this.key, {
      issuer: ISSUER,
      algorithms: ['HS256'],
      requiredClaims: ['exp'],
    }).catch((error: unknown) => {
      if (!(error instanceof errors.JWTExpired)) this.quotas.guessed(ip);
      throw new TokenRefused('The token is not valid or has expired. Sign in again, or take a new client token.');
    });
    if (this.checked.size >= MOST_CHECKED)
      for (const oldest of this.checked.keys()) {
        this.checked.delete(oldest);
        break;
      }
    this.checked.set(token, payload);
    return payload;
  }
  private readonly checked = new Map<string, JWTPayload & Claims>();

  /** What it may do in which part of the API, and so its role, is decided with the route. */
  private ofKey({ id, name, scope, permissions, endsAt }: ApiKeyGrant, ip: string | undefined): Principal {
    const expiresAt = endsAt ? Date.parse(endsAt) : Number.MAX_SAFE_INTEGER;
    return {
      kind: 'api-key',
      actor: { kind: 'api-key', id, name, role: 'support', ip },
      scope,
      permissions,
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
