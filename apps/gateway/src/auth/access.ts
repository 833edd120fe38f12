import { AppError } from '@strowger/kernel';
import type { FastifyRequest } from 'fastify';
import { permits, type Area } from './permissions.js';
import { TokenRefused, type Principal, type Tokens } from './tokens.js';

/**
 * Who may call a route: `read` any portal user, `write` portal administrators, `operator` administrators of the whole
 * installation, `self` any portal user about their own account, `client` a client for its own user, `public` everyone.
 * API keys may `read`, `write` and act as `operator` as far as their permissions and their node go.
 */
export type Access = 'public' | 'read' | 'write' | 'operator' | 'self' | 'client';

export class AccessForbidden extends AppError {
  constructor(needs: string) {
    super('forbidden', 'access-forbidden', `This needs ${needs}.`);
  }
}

/**
 * The caller, when the token or key is good and its bearer may use a route of this access.
 * @param area the part of the API it belongs to; without one, a key needs its permission everywhere
 */
export async function authorize(
  tokens: Tokens,
  request: FastifyRequest,
  access: Access,
  area?: Area,
): Promise<Principal> {
  const principal = await tokens.verify(credentialOf(request), request.clientAddress);
  if (access === 'client') {
    if (principal.kind !== 'client') throw new AccessForbidden('a client token');
    return principal;
  }
  if (principal.kind === 'client') throw new AccessForbidden('a portal user; a client token opens only /v1/client');
  if (access === 'operator' && principal.scope.level !== 'platform')
    throw new AccessForbidden('an operator of this installation');
  if (principal.kind === 'api-key') return withKey(principal, access, area);
  if (access !== 'read' && access !== 'self' && principal.role !== 'administrator')
    throw new AccessForbidden('the role administrator');
  return principal;
}

function credentialOf({ headers }: FastifyRequest): string {
  const token = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (token) return token;
  const key = headers['x-api-key'];
  if (typeof key === 'string' && key !== '') return key.startsWith('stk_') ? key : 'stk_';
  throw new TokenRefused('Send a token: `Authorization: Bearer …`, or an API key: `X-API-Key: stk_…`.');
}

function withKey(
  principal: Extract<Principal, { kind: 'api-key' }>,
  access: Access,
  area: Area | undefined,
): Principal {
  if (access === 'self') throw new AccessForbidden('a portal user; an API key has no account of its own');
  const action = access === 'read' ? 'read' : 'write';
  if (!permits(principal.permissions, action, area)) {
    const named = area && area !== 'any' ? ` or ${area}:${action}` : '';
    throw new AccessForbidden(`an API key with the permission ${action}${named}`);
  }
  const role = permits(principal.permissions, 'write', area) ? ('administrator' as const) : ('support' as const);
  return { ...principal, actor: { ...principal.actor, role } };
}
