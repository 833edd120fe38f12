import type { IncomingHttpHeaders } from 'node:http';
import type { Carrier, HookReply, HookRequest } from '@strowger/cpaas';
import { AppError } from '@strowger/kernel';
import { codingOf, sendProblem } from '@strowger/http';
import { counter, logger, traceparent } from '@strowger/telemetry';
import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify';
import type { EndpointDirectory, KnownEndpoint } from '../endpoints/endpoint-directory.js';
import { HookBodyTooLarge, HookNotAuthenticated, HookNotReady } from '../endpoints/endpoint.errors.js';
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
const refused = counter(
  'ingestion_refused_total',
  'Deliveries that did not prove to come from the carrier, by kind and reason.',
);
const EMPTY = Buffer.alloc(0);
const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});
/** Of one header that is kept; a signature has a few hundred characters. */
const LONGEST_HEADER = 4096;
const ALLOW = 'GET, HEAD, POST';

/**
 * `POST|GET /hooks/:kind/:token`. Straight on Fastify, in a scope of its own: bodies of every content type must arrive as
 * the carrier's bytes, and Nest's pipes and interceptors would cost a quarter of the throughput and add nothing here.
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
    const { carrier } = endpoint;
    if (!carrier) throw new HookNotReady();
    const hook: HookRequest = {
      method: request.method,
      contentType: request.hookContentType,
      headers: keptOf(request.raw.headers, carrier.hook.headers),
      query: queryOf(request.raw.url!),
      rawBody: Buffer.isBuffer(request.body) ? request.body : EMPTY,
      receivedAt,
      account: endpoint.carrierAccountId,
    };
    admit(hook, request.raw.headers, carrier, endpoint);
    const coding = codingOf(request.raw.headers['content-encoding']);
    const parsed = coding === undefined ? parse(carrier, hook) : encoded(carrier, coding);
    const deliveryId = deliveryIdAt(receivedAt.getTime());
    const event = deliveryEvent(deliveryId, endpoint, hook, parsed, options.maxEventBytes(), traceparent());
    journal.accept(deliveryId, event.bytes).then(
      () => {
        accepted.inc();
        if (event.quarantine ?? parsed.unreadable) quarantined.inc();
        const { status, contentType, body } = parsed.reply;
        if (contentType) reply.header('content-type', contentType);
        reply.code(status).send(body);
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
    // Fastify refuses a malformed content type before it calls a parser; we keep such a request like any other.
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
    // A HEAD from a health check or a person's tool stores nothing.
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

/** The headers a carrier's hook needs; those that came more than once or are too long are left out. */
function keptOf(headers: IncomingHttpHeaders, wanted: readonly string[]): Readonly<Record<string, string>> {
  if (wanted.length === 0) return NO_HEADERS;
  const kept: Record<string, string> = {};
  for (const name of wanted) {
    const value = headers[name];
    if (typeof value === 'string' && value.length <= LONGEST_HEADER) kept[name] = value;
  }
  return kept;
}

/** Call before anything of the request is kept. @throws HookBodyTooLarge, HookNotReady, HookNotAuthenticated */
function admit(
  hook: HookRequest,
  headers: IncomingHttpHeaders,
  { hook: { bodyLimitBytes, authentication } }: Carrier,
  endpoint: KnownEndpoint,
): void {
  if (hook.rawBody.length > bodyLimitBytes) throw new HookBodyTooLarge(bodyLimitBytes);
  if (!authentication) return;
  if (!endpoint.keys) throw new HookNotReady();
  const { secretHeaders } = authentication;
  const shown = secretHeaders ? { ...hook, headers: { ...hook.headers, ...keptOf(headers, secretHeaders) } } : hook;
  const reason = authentication.refusal(shown, endpoint.keys);
  if (reason === undefined) return;
  refused.inc({ kind: endpoint.kind, reason });
  throw new HookNotAuthenticated();
}

/** No carrier of ours compresses; read as it stands, the body would be said to lack what it only hides. */
const encoded = ({ hook }: Carrier, coding: string): ReadableParts & { reply: HookReply } => ({
  facts: [],
  unreadable: `content-encoding: ${coding}`,
  reply: hook.reply,
});

function parse({ hook, manifest }: Carrier, request: HookRequest): ReadableParts & { reply: HookReply } {
  try {
    const { facts, unreadable, reply } = hook.read(request);
    if (!unreadable) return { facts, reply };
    const { reason, detail } = unreadable;
    return { facts, unreadable: detail ? `${reason}: ${detail}` : reason, reply };
  } catch (err) {
    // Our bug, not the carrier's: kept for replay and answered like any other.
    log.error({ err, kind: manifest.kind }, 'hook-parser-failed');
    return { facts: [], unreadable: 'parser-failed', reply: hook.reply };
  }
}
