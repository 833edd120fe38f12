import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { newId } from '@strowger/kernel';
import { histogram, inBackground, logger, telemetryOn, withTraceparent } from '@strowger/telemetry';
import type { FastifyInstance } from 'fastify';

const log = logger('http');
/** Leaves the rest of the shutdown some of its 25 s. */
const DRAIN_MS = 20_000;
const seconds = histogram('http_request_seconds', 'Requests served, by method, route and status.');

/** A caller's own id is kept when it is harmless in a log line, so that both sides can quote the same one. */
const REQUEST_ID = /^[\w.:-]{8,64}$/;

export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : newId();
}

/** Request id out, duration measured, trace continued. Routes are named by their pattern: real paths can hold tokens. */
export function instrument(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.header('X-Request-Id', request.id);
    done();
  });
  // Here rather than earlier, because reading the body leaves the async context it was started in.
  fastify.addHook('preValidation', (request, reply, done) => {
    if (!telemetryOn()) return done();
    const given = request.headers['traceparent'];
    const answered = new Promise<void>((resolve) => reply.raw.once('close', resolve));
    const run = (): Promise<void> => {
      done();
      return answered;
    };
    const route = request.routeOptions.url ?? 'unknown';
    inBackground(
      'http-trace',
      withTraceparent(
        typeof given === 'string' ? given : undefined,
        `${request.method} ${route}`,
        run,
        { 'http.route': route },
        { kind: 'server' },
      ),
    );
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions?.url ?? 'unknown';
    seconds.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
    if (log.isLevelEnabled('debug'))
      log.debug(
        {
          requestId: request.id,
          method: request.method,
          route,
          status: reply.statusCode,
          ms: Math.round(reply.elapsedTime),
        },
        'request-served',
      );
    done();
  });
}

/** Knows which requests are unanswered, to finish them before the end. WebSockets don't count: their owner closes them. */
export class HttpTraffic {
  private server: Server | undefined;
  private active = 0;
  private shedding = false;
  private idle: (() => void) | undefined;

  watch(server: Server): void {
    this.server = server;
    server.prependListener('request', (_request: IncomingMessage, response: ServerResponse) => {
      this.active++;
      if (this.shedding) response.setHeader('connection', 'close');
      response.once('close', () => {
        this.active--;
        if (this.active === 0) this.idle?.();
      });
    });
  }

  /** From now on every answer asks its client to connect again, which lands it on another instance. */
  shedConnections(): void {
    this.shedding = true;
  }

  /** Refuses new connections and resolves when every request is answered, or after 20 s. */
  async drain(): Promise<void> {
    if (!this.server?.listening) return;
    this.server.close();
    if (this.active === 0) return;
    const answered = new Promise<void>((resolve) => (this.idle = resolve));
    await Promise.race([answered, wait(DRAIN_MS, undefined, { ref: false })]);
    if (this.active > 0) log.warn({ unanswered: this.active }, 'requests-cut-off');
  }
}
