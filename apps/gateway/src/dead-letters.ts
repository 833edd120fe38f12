/** Facts a consumer could not handle: listed with the reason, replayed to that consumer only. Operators only. */
import type { DeadLetter, DeadLetters, DeadReason } from '@strowger/messaging';
import { validated, type CloudEvent, type ErrorKind } from '@strowger/kernel';
import { Type } from 'class-transformer';
import { IsInt, IsISO8601, IsObject, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { authorize } from './auth/access.js';
import type { Tokens } from './auth/tokens.js';

const DEFAULT_LIMIT = 50;

export class ListDeadLetters {
  @IsOptional()
  @IsString()
  @MaxLength(100)
  @Matches(/^[\w-]+$/)
  @JSONSchema({ examples: ['routing-deliveries'] })
  consumer?: string;
  @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) @JSONSchema({ default: DEFAULT_LIMIT }) limit?: number;
  @IsOptional() @IsString() @MaxLength(500) cursor?: string;
}

/** A dead letter without what it holds, which is customers' and may be large. */
export class DeadLetterView {
  @IsString() id!: string;
  @IsString() @JSONSchema({ examples: ['routing-deliveries'] }) consumer!: string;
  @IsString() @JSONSchema({ examples: ['invalid-data'] }) reason!: DeadReason;
  @IsOptional() @IsString() @JSONSchema({ examples: ['invalid'] }) kind?: ErrorKind;
  /** One line; never a value of the message. */
  @IsString() error!: string;
  @IsInt() deliveries!: number;
  /** When it was given up. */
  @IsISO8601() at!: string;
  @IsString() @JSONSchema({ examples: ['INGESTION'] }) stream!: string;
  @IsInt() sequence!: number;
  @IsString() @JSONSchema({ examples: ['ingestion.delivery.received.v1'] }) subject!: string;
  /** Of the fact, where the message is one. */
  @IsOptional() @IsString() eventId?: string;
  /** Of the message. */
  @IsInt() sizeBytes!: number;
}
/** One dead letter with the message as it came. Holds customers' data. */
export class WholeDeadLetterView extends DeadLetterView {
  /** Absent when the bytes are not a CloudEvent. */
  @IsOptional() @IsObject() event?: CloudEvent;
  @IsString() @JSONSchema({ format: 'byte', examples: ['eyJpZCI6IuKApiJ9'] }) messageBase64!: string;
}

const viewOf = ({ event, bytes, at, ...letter }: DeadLetter): DeadLetterView => ({
  ...letter,
  at: at.toISOString(),
  ...(event ? { eventId: event.id } : {}),
  sizeBytes: bytes.length,
});

const wholeViewOf = (letter: DeadLetter): WholeDeadLetterView => ({
  ...viewOf(letter),
  ...(letter.event ? { event: letter.event } : {}),
  messageBase64: Buffer.from(letter.bytes).toString('base64'),
});

type OneRequest = { Params: { id: string } };

export function registerDeadLetters(fastify: FastifyInstance, tokens: Tokens, deadLetters: DeadLetters): void {
  const preHandler = async (request: FastifyRequest): Promise<void> =>
    void (await authorize(tokens, request, 'operator'));
  fastify.get('/v1/dead-letters', { preHandler }, async ({ query }) => {
    const { limit = DEFAULT_LIMIT, ...rest } = validated(ListDeadLetters, query);
    const { items, ...page } = await deadLetters.list({ ...rest, limit });
    return { items: items.map(viewOf), ...page };
  });
  fastify.get<OneRequest>('/v1/dead-letters/:id', { preHandler }, async ({ params }) =>
    wholeViewOf(await deadLetters.get(params.id)),
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
