import type { DeadLetters } from '@strowger/messaging';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { authorize } from './auth/access.js';
import type { Tokens } from './auth/tokens.js';

type ListRequest = { Querystring: { consumer?: string; limit?: string; cursor?: string } };
type OneRequest = { Params: { id: string } };

/** Facts a consumer could not handle: listed with the reason, replayed to that consumer only. Operators only. */
export function registerDeadLetters(fastify: FastifyInstance, tokens: Tokens, deadLetters: DeadLetters): void {
  const preHandler = async (request: FastifyRequest): Promise<void> =>
    void (await authorize(tokens, request, 'operator'));
  fastify.get<ListRequest>('/v1/dead-letters', { preHandler }, ({ query: { consumer, limit, cursor } }) =>
    deadLetters.list({ consumer, limit: Math.min(Math.max(Number(limit) || 50, 1), 200), cursor }),
  );
  fastify.post<OneRequest>('/v1/dead-letters/:id/replay', { preHandler }, async ({ params }, reply) => {
    await deadLetters.replay(params.id);
    return reply.code(204).send();
  });
  fastify.delete<OneRequest>('/v1/dead-letters/:id', { preHandler }, async ({ params }, reply) => {
    await deadLetters.discard(params.id);
    return reply.code(204).send();
  });
}
