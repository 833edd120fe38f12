import { AppError } from '@strowger/kernel';
import type { FastifyRequest } from 'fastify';
import { permits, type Area } from './permissions.js';
import { roleMay, type Access } from './roles.js';
import { TokenRefused, type Principal, type Tokens } from './tokens.js';

/** What is said to somebody whose role does not open it. */
const NEEDS: Record<Exclude<Access, 'public' | 'client'>, string> = {
  me: 'a portal user or an API key',
  self: 'a portal user',
  read: 'the role administrator or support',
  texts: 'the role administrator, or support with the permission to read texts',
  write: 'the role administrator',
  operator: 'an operator of this installation with the role administrator',
};

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
  return admit(await tokens.verify(credentialOf(request), request.clientAddress), access, area);
}

/** @throws AccessForbidden where the caller's role or permissions don't open it */
export function admit(principal: Principal, access: Access, area?: Area): Principal {
  if (access === 'client') {
    if (principal.kind !== 'client') throw new AccessForbidden('a client token');
    return principal;
  }
  if (principal.kind === 'client') throw new AccessForbidden('a portal user; a client token opens only /v1/client');
  if (access === 'operator' && principal.scope.level !== 'platform')
    throw new AccessForbidden('an operator of this installation');
  if (principal.kind === 'api-key') return withKey(principal, access, area);
  const { role, readsTexts, scope } = principal;
  if (access !== 'public' && !roleMay({ role, readsTexts, level: scope.level }, access))
    throw new AccessForbidden(NEEDS[access]);
  return principal;
}

function credentialOf({ headers }: FastifyRequest): string {
  const token = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (token) return token;
  const key = headers['x-api-key'];
  if (typeof key === 'string' && key !== '') return key.startsWith('stk_') ? key : 'stk_';
  throw new TokenRefused('Send a token: `Authorization: Bearer …`, or an API key: `X-API-Key: stk_…`.');
}

/** What an API key needs the permission to read for, rather than to write. */
export const reads = (access: Access): boolean => access === 'me' || access === 'read' || access === 'texts';

function withKey(
  principal: Extract<Principal, { kind: 'api-key' }>,
  access: Access,
  area: Area | undefined,
): Principal {
  if (access === 'self') throw new AccessForbidden('a portal user; an API key has no account of its own');
  const action = reads(access) ? 'read' : 'write';
  if (!permits(principal.permissions, action, area)) {
    const named = area && area !== 'any' ? ` or ${area}:${action}` : '';
    throw new AccessForbidden(`an API key with the permission ${action}${named}`);
  }
  const role = permits(principal.permissions, 'write', area) ? ('administrator' as const) : ('support' as const);
  return { ...principal, actor: { ...principal.actor, role } };
}
