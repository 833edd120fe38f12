import { hierarchyRpc, type RefreshSession, type SessionGrant, type SignIn } from '@strowger/contracts-hierarchy';
import { PLATFORM_SCOPE, type Actor, type RpcContext } from '@strowger/kernel';
import type { Rpc } from '@strowger/rpc';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayConfig } from '../config.js';
import { authorize } from './access.js';
import { TokenRefused, type Tokens } from './tokens.js';

const COOKIE = 'strowger_refresh';
const PATH = '/v1/sessions';

/** Nobody yet: hierarchy finds out who it is, and counts failures by address. */
const anyone = (request: FastifyRequest): RpcContext => ({ scope: PLATFORM_SCOPE, actor: visitor(request) });

function refreshOf(request: FastifyRequest): RefreshSession {
  const refreshToken = request.cookies[COOKIE];
  if (!refreshToken) throw new TokenRefused('There is no session to go on with. Sign in.');
  return { refreshToken, userAgent: userAgentOf(request) };
}

const userAgentOf = ({ headers }: FastifyRequest): string | undefined => headers['user-agent']?.slice(0, 500);

const visitor = (request: FastifyRequest): Actor => ({
  kind: 'portal-user',
  id: 'unknown',
  name: 'unknown',
  ip: request.clientAddress,
});

/**
 * Sessions of portal users: a short access token in the body, a rotating refresh token in a cookie that scripts cannot
 * read and other sites cannot send (HttpOnly, SameSite=Strict, only to /v1/sessions).
 */
export class Sessions {
  constructor(
    private readonly rpc: Rpc,
    private readonly tokens: Tokens,
    private readonly config: GatewayConfig,
  ) {}

  register(fastify: FastifyInstance): void {
    fastify.post<{ Body: SignIn }>(PATH, async (request, reply) =>
      this.grant(
        reply,
        await this.rpc.call(hierarchyRpc.signIn, {
          ...anyone(request),
          body: { ...request.body, userAgent: userAgentOf(request) },
        }),
      ),
    );
    fastify.post(`${PATH}/refresh`, async (request, reply) =>
      this.grant(
        reply,
        await this.rpc.call(hierarchyRpc.refreshSession, { ...anyone(request), body: refreshOf(request) }),
      ),
    );
    fastify.delete(`${PATH}/current`, async (request, reply) => {
      await this.rpc.call(hierarchyRpc.endSession, { ...anyone(request), body: refreshOf(request) });
      return reply.clearCookie(COOKIE, { path: PATH }).code(204).send();
    });
    fastify.get('/v1/me', async (request) => {
      const { actor, scope, ...principal } = await authorize(this.tokens, request, 'me', 'any');
      return {
        id: actor.id,
        kind: actor.kind,
        name: actor.name,
        scope,
        ...('role' in principal && { role: principal.role, email: principal.email, sessionId: principal.sessionId }),
        ...('permissions' in principal && { permissions: principal.permissions }),
      };
    });
    fastify.post<{ Params: { id: string } }>('/v1/users/:id/client-tokens', async (request, reply) => {
      const { scope, actor } = await authorize(this.tokens, request, 'write', 'messages');
      const user = await this.rpc.call(hierarchyRpc.recordClientToken, {
        scope,
        actor,
        body: { id: request.params.id },
      });
      const token = await this.tokens.forClient(user);
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ...token, userId: user.id, tokenType: 'Bearer' });
    });
  }

  private async grant(
    reply: FastifyReply,
    { principal, sessionId, refreshToken, refreshExpiresAt }: SessionGrant,
  ): Promise<FastifyReply> {
    const token = await this.tokens.forPortalUser(principal, sessionId);
    return reply
      .setCookie(COOKIE, refreshToken, {
        path: PATH,
        httpOnly: true,
        sameSite: 'strict',
        secure: this.config.secureCookies,
        expires: new Date(refreshExpiresAt),
      })
      .header('cache-control', 'no-store')
      .send({ ...token, tokenType: 'Bearer', principal });
  }
}
