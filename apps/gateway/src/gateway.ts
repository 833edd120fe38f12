import type { Server } from 'node:http';
import fastifyCookie from '@fastify/cookie';
import { Kvm, type KV } from '@nats-io/kv';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Rpc, sendProblem, startService, type RunningService } from '@strowger/http';
import { DeadLetters, Messaging } from '@strowger/messaging';
import type { FastifyInstance } from 'fastify';
import { gatewayModule } from './app.module.js';
import { Sessions } from './auth/sessions.js';
import { Tokens } from './auth/tokens.js';
import { ClientSockets } from './client/client-socket.js';
import { type GatewayConfig } from './config.js';
import { registerDeadLetters } from './dead-letters.js';
import { registerDocs } from './openapi/docs.js';
import { openApiDocument } from './openapi/document.js';
import { OTHER_PATHS } from './openapi/other-paths.js';
import { hierarchyRoutes } from './routes/hierarchy.routes.js';
import { answersBox, IdempotencyKeys } from './routes/idempotency.js';
import { provisioningRoutes } from './routes/provisioning.routes.js';
import { assertReadable } from './routes/readable.js';
import { assertRoutes, RouteHost } from './routes/route-host.js';
import { pathParameters, type Route } from './routes/route.js';
import { routingRoutes } from './routes/routing.routes.js';

export { pathParameters, type Route };

const DAY_MS = 24 * 60 * 60 * 1000;

export const ROUTES: readonly Route[] = [...hierarchyRoutes, ...provisioningRoutes, ...routingRoutes];

export function apiDocument(publicUrl: string): Record<string, unknown> {
  const document = openApiDocument(ROUTES, publicUrl);
  return { ...document, paths: { ...OTHER_PATHS, ...(document['paths'] as object) } };
}

/** The bucket of idempotency keys; opened when first needed, so that the gateway starts while NATS is away. */
function idempotencyBucket(messaging: Messaging): () => Promise<KV> {
  let open: Promise<KV> | undefined;
  return () => {
    open ??= new Kvm(messaging.nc).create('idempotency-keys', { ttl: DAY_MS, history: 1 });
    open.catch(() => (open = undefined));
    return open;
  };
}

async function configure(fastify: FastifyInstance, app: NestFastifyApplication, config: GatewayConfig): Promise<void> {
  const [tokens, rpc, messaging] = [app.get(Tokens), app.get(Rpc), app.get(Messaging)];
  assertRoutes(ROUTES);
  if (config.corsOrigins.length > 0)
    app.enableCors({
      origin: config.corsOrigins,
      credentials: true,
      exposedHeaders: ['etag', 'location', 'retry-after'],
    });
  // A context of its own: what its routes throw, and what of a request can't even be read, is answered as a problem.
  await fastify.register(async (api) => {
    api.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
    api.addHook('onRequest', (request, reply, done) => {
      // What only its asker may see: messages, tokens, webhook addresses.
      if (request.url.startsWith('/v1')) void reply.header('cache-control', 'no-store');
      done();
    });
    api.addHook('preValidation', async ({ params, query, body }) => {
      for (const part of [params, query, body]) assertReadable(part);
    });
    await api.register(fastifyCookie);
    const keys = new IdempotencyKeys(
      idempotencyBucket(messaging),
      answersBox(config.tokenSecret),
      config.idempotencyAbandonedSeconds * 1000,
    );
    new RouteHost(tokens, rpc, keys, config.rpcTimeoutSeconds * 1000).register(api, ROUTES);
    new Sessions(rpc, tokens, config).register(api);
    registerDeadLetters(api, tokens, app.get(DeadLetters));
    await registerDocs(api, apiDocument(config.publicUrl));
  });
}

/** Starts the gateway: REST under /v1, the client socket, the OpenAPI document and its page. */
export async function startGateway(config: Readonly<GatewayConfig>): Promise<RunningService> {
  const service = await startService({
    name: 'gateway',
    module: gatewayModule(config),
    config,
    http: { port: config.port, host: config.host, configure: (fastify, app) => configure(fastify, app, config) },
  });
  service.app.get(ClientSockets).attach(service.app.getHttpServer() as Server);
  return service;
}
