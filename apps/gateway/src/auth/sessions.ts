import { hierarchyRpc, type SessionGrant, type SignIn } from '@strowger/contracts-hierarchy';
import { sendProblem, type Rpc } from '@strowger/http';
import { PLATFORM_SCOPE, type Actor } from '@strowger/kernel';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayConfig } from '../config.js';
import { authorize } from './access.js';
import { TokenRefused, type Tokens } from './tokens.js';

const COOKIE = 'strowger_refresh';
const PATH = '/v1/sessions';

const visitor = (request: FastifyRequest): Actor => ({
  kind: 'portal-user',
  id: 'unknown',
  name: 'unknown',
  ip: request.ip,
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
    const handle =
      (work: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>) =>
      async (request: FastifyRequest, reply: FastifyReply) => {
        try {
          return await work(request, reply);
        } catch (error) {
          sendProblem(error, request, reply);
          return reply;
        }
      };
    fastify.post(
      PATH,
      handle(async (request, reply) =>
        this.grant(
          reply,
          await this.rpc.call(hierarchyRpc.signIn, {
            scope: PLATFORM_SCOPE,
            actor: visitor(request),
            body: request.body as SignIn,
          }),
        ),
      ),
    );
    fastify.post(
      `${PATH}/refresh`,
      handle(async (request, reply) =>
        this.grant(
          reply,
          await this.rpc.call(hierarchyRpc.refreshSession, {
            scope: PLATFORM_SCOPE,
            actor: visitor(request),
            body: { refreshToken: this.cookie(request) },
          }),
        ),
      ),
    );
    fastify.delete(
      `${PATH}/current`,
      handle(async (request, reply) => {
        await this.rpc.call(hierarchyRpc.endSession, {
          scope: PLATFORM_SCOPE,
          actor: visitor(request),
          body: { refreshToken: this.cookie(request) },
        });
        return reply.clearCookie(COOKIE, { path: PATH }).code(204).send();
      }),
    );
    fastify.get(
      '/v1/me',
      handle(async (request, reply) => {
        const { actor, scope, ...principal } = await authorize(this.tokens, request, 'read');
        return reply.send({
          id: actor.id,
          name: actor.name,
          scope,
          ...('role' in principal ? { role: principal.role, email: principal.email } : {}),
        });
      }),
    );
    fastify.post(
      '/v1/users/:id/client-tokens',
      handle(async (request, reply) => {
        const { scope, actor } = await authorize(this.tokens, request, 'write');
        const { id } = request.params as { id: string };
        const user = await this.rpc.call(hierarchyRpc.recordClientToken, { scope, actor, body: { id } });
        return reply
          .code(201)
          .header('cache-control', 'no-store')
          .send({ ...(await this.tokens.forClient(user)), userId: user.id, tokenType: 'Bearer' });
      }),
    );
  }

  private async grant(
    reply: FastifyReply,
    { principal, refreshToken, refreshExpiresAt }: SessionGrant,
  ): Promise<FastifyReply> {
    const token = await this.tokens.forPortalUser(principal);
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

  private cookie(request: FastifyRequest): string {
    const token = request.cookies[COOKIE];
    if (!token) throw new TokenRefused('There is no session to go on with. Sign in.');
    return token;
  }
}
