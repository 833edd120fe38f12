import { parseHook, type HookRequest, type ParsedHook } from '@strowger/cpaas';
import type { HookEndpoint } from '@strowger/contracts-provisioning';
import { AppError } from '@strowger/kernel';
import { sendProblem } from '@strowger/http';
import { counter, logger, traceparent } from '@strowger/telemetry';
import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify';
import type { EndpointDirectory } from '../endpoints/endpoint-directory.js';
import type { Journal } from '../journal/delivery-journal.js';
import { deliveryIdAt } from './delivery-id.js';
import { deliveryEvent, type ReadableParts } from './delivery-event.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Taken out of the headers, see below. */
    hookContentType?: string;
  }
}

interface HookRoute {
  Params: { kind: string; token: string };
}

export interface HookOptions {
  bodyLimitBytes: number;
  /** What the stream takes of one event. Bytes. */
  maxEventBytes(): number;
}

const log = logger('hooks');
const accepted = counter('ingestion_accepted_total', 'Deliveries answered as durable.');
const quarantined = counter('ingestion_quarantined_total', 'Deliveries accepted but unreadable or of another account.');
const EMPTY = Buffer.alloc(0);
const ALLOW = 'GET, HEAD, POST';

/**
 * `POST|GET /hooks/:kind/:token`. Straight on Fastify, in a scope of its own: bodies must arrive as the carrier's bytes whatever
 * their content type, and Nest's pipes and interceptors would cost a quarter of the throughput and add nothing here.
 */
export function hookRoutes(
  directory: EndpointDirectory,
  journal: Journal,
  options: HookOptions,
): FastifyPluginCallback {
  const receive = (request: FastifyRequest<HookRoute>, reply: FastifyReply): FastifyReply => {
    const receivedAt = new Date();
    const { kind, token } = request.params;
    const endpoint = directory.find(kind, token, receivedAt.getTime());
    const hook: HookRequest = {
      method: request.method,
      contentType: request.hookContentType,
      query: queryOf(request.raw.url!),
      rawBody: Buffer.isBuffer(request.body) ? request.body : EMPTY,
      receivedAt,
    };
    const parsed = parse(endpoint.kind, hook);
    const deliveryId = deliveryIdAt(receivedAt.getTime());
    const event = deliveryEvent(deliveryId, endpoint, hook, parsed, options.maxEventBytes(), traceparent());
    journal.accept(deliveryId, event.bytes).then(
      () => {
        accepted.inc();
        if (event.quarantine ?? parsed.unreadable) quarantined.inc();
        const { status, contentType, body } = parsed.reply;
        reply.code(status).header('content-type', contentType).send(body);
      },
      (error: unknown) => sendProblem(error, request, reply),
    );
    return reply;
  };

  return (scope: FastifyInstance, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: options.bodyLimitBytes },
      (_request, body, parsedAs) => parsedAs(null, body),
    );
    // Fastify refuses a malformed content type before any parser is asked; to us it is one more thing to keep.
    scope.decorateRequest('hookContentType', undefined);
    scope.addHook('onRequest', (request, _reply, next) => {
      const { headers } = request.raw;
      request.hookContentType = headers['content-type'];
      headers['content-type'] = undefined;
      next();
    });
    scope.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
    const url = '/hooks/:kind/:token';
    scope.route<HookRoute>({ method: ['GET', 'POST'], url, exposeHeadRoute: false, handler: receive });
    // A look from a health check or a person's tool stores nothing.
    scope.route<HookRoute>({
      method: 'HEAD',
      url,
      handler: ({ params }, reply) => {
        directory.find(params.kind, params.token, Date.now());
        return reply.code(200).send();
      },
    });
    scope.route<HookRoute>({
      method: ['PUT', 'PATCH', 'DELETE', 'OPTIONS'],
      url,
      handler: (request, reply) => {
        void reply.header('Allow', ALLOW);
        if (request.method === 'OPTIONS') return reply.code(204).send();
        throw new AppError('invalid', 'method-not-allowed', `A webhook takes ${ALLOW}.`);
      },
    });
    done();
  };
}

function queryOf(url: string): string {
  const at = url.indexOf('?');
  return at < 0 ? '' : url.slice(at + 1);
}

type Reply = ParsedHook['reply'];
/** For a delivery our parser failed on: Restcomm's, which no carrier here takes amiss. */
const PLAIN_REPLY: Reply = {
  status: 200,
  contentType: 'text/xml',
  body: '<?xml version="1.0" encoding="UTF-8"?><Response/>',
};

function parse(kind: HookEndpoint['kind'], hook: HookRequest): ReadableParts & { reply: Reply } {
  try {
    const { facts, unreadable, reply } = parseHook(kind, hook);
    if (!unreadable) return { facts, reply };
    const { reason, detail } = unreadable;
    return { facts, unreadable: detail ? `${reason}: ${detail}` : reason, reply };
  } catch (err) {
    // Our bug, not the carrier's: kept for replay and answered like any other.
    log.error({ err, kind }, 'hook-parser-failed');
    return { facts: [], unreadable: 'parser-failed', reply: PLAIN_REPLY };
  }
}
