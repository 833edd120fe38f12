import { AppError } from '@strowger/kernel';
import type { FastifyRequest } from 'fastify';
import { TokenRefused, type Principal, type Tokens } from './tokens.js';

/**
 * Who may call a route: `read` any portal user, `write` portal administrators, `operator` administrators of the whole
 * installation, `client` a client for its own user, `public` everyone.
 */
export type Access = 'public' | 'read' | 'write' | 'operator' | 'client';

export class AccessForbidden extends AppError {
  constructor(needs: string) {
    super('forbidden', 'access-forbidden', `This needs ${needs}.`);
  }
}

/** The caller, when the token is good and its bearer may use a route of this access. */
export async function authorize(tokens: Tokens, request: FastifyRequest, access: Access): Promise<Principal> {
  const [scheme, token] = (request.headers.authorization ?? '').split(' ');
  if (scheme?.toLowerCase() !== 'bearer' || !token) throw new TokenRefused('Send a token: `Authorization: Bearer …`.');
  const principal = await tokens.verify(token, request.ip);
  if (access === 'client') {
    if (principal.kind !== 'client') throw new AccessForbidden('a client token');
    return principal;
  }
  if (principal.kind === 'client') throw new AccessForbidden('a portal user; a client token opens only /v1/client');
  if (access === 'operator' && principal.scope.level !== 'platform')
    throw new AccessForbidden('an operator of this installation');
  if (access !== 'read' && principal.role !== 'administrator') throw new AccessForbidden('the role administrator');
  return principal;
}
