import { sendProblem } from '@strowger/http';
import type { DeadLetters } from '@strowger/messaging';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { authorize } from './auth/access.js';
import type { Tokens } from './auth/tokens.js';

type Query = { consumer?: string; limit?: string; cursor?: string };

/** Facts a consumer could not handle: listed with the reason, replayed to that consumer only. Operators only. */
export function registerDeadLetters(fastify: FastifyInstance, tokens: Tokens, deadLetters: DeadLetters): void {
  const operator =
    (work: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>) =>
    async (request: FastifyRequest, reply: FastifyReply) => {
      try {
        await authorize(tokens, request, 'operator');
        return await work(request, reply);
      } catch (error) {
        sendProblem(error, request, reply);
        return reply;
      }
    };
  fastify.get(
    '/v1/dead-letters',
    operator(async (request, reply) => {
      const { consumer, limit, cursor } = request.query as Query;
      return reply.send(
        await deadLetters.list({ consumer, limit: Math.min(Math.max(Number(limit) || 50, 1), 200), cursor }),
      );
    }),
  );
  fastify.post(
    '/v1/dead-letters/:id/replay',
    operator(async (request, reply) => {
      await deadLetters.replay((request.params as { id: string }).id);
      return reply.code(204).send();
    }),
  );
  fastify.delete(
    '/v1/dead-letters/:id',
    operator(async (request, reply) => {
      await deadLetters.discard((request.params as { id: string }).id);
      return reply.code(204).send();
    }),
  );
}
