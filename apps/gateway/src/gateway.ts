import type { Server } from 'node:http';
import fastifyCookie from '@fastify/cookie';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { sendProblem, startService, type RunningService } from '@strowger/http';
import { DeadLetters, kvBucket, Messaging } from '@strowger/messaging';
import { Rpc } from '@strowger/rpc';
import type { FastifyInstance } from 'fastify';
import { GatewayModule } from './app.module.js';
import { registerClientAddress } from './auth/client-address.js';
import { ProviderTree } from './auth/provider-tree.js';
import { Sessions } from './auth/sessions.js';
import { Tokens } from './auth/tokens.js';
import { ClientSockets, opensSocket, registerSocketAddress } from './client/client-socket.js';
import { trustedProxiesOf, type GatewayConfig } from './config.js';
import { registerDeadLetters } from './dead-letters.js';
import { IMPORT_PATHS } from './imports/import-paths.js';
import { UserImports } from './imports/user-imports.js';
import { registerDocs } from './openapi/docs.js';
import { openApiDocument } from './openapi/document.js';
import { OTHER_PATHS } from './openapi/other-paths.js';
import { licenseTermRoutes } from './routes/license-terms.routes.js';
import { licensingRoutes } from './routes/licensing.routes.js';
import { accountsRoutes } from './routes/accounts.routes.js';
import { contactCentreRoutes } from './routes/contact-centre.routes.js';
import { answersBox, IdempotencyKeys } from './routes/idempotency.js';
import { provisioningRoutes } from './routes/provisioning.routes.js';
import { assertQueryReadable, readJsonStrictly } from './routes/json-body.js';
import { assertReadable } from './routes/readable.js';
import { Quotas } from './rates/quotas.js';
import { RequestRates } from './rates/request-rates.js';
import { assertRoutes, RouteHost } from './routes/route-host.js';
import { pathParameters, type Route } from './routes/route.js';
import { routingRoutes } from './routes/routing.routes.js';
import { registerSoap, soapPathRewriter } from './soap/index.js';
import { structureRoutes } from './routes/structure.routes.js';
import { treeRoutes } from './routes/tree.routes.js';

export { pathParameters, type Route };

/** A client asks when it starts and each time its token ends; one that asks more often has gone mad. */
const LICENSE_REQUESTS_OF_ACCOUNT = { perSecond: 0.2, burst: 20 };
const DAY_SECONDS = 24 * 60 * 60;

export const ROUTES: readonly Route[] = [
  ...provisioningRoutes,
  ...routingRoutes,
  ...accountsRoutes,
  ...contactCentreRoutes,
  ...licensingRoutes,
  ...licenseTermRoutes,
  ...structureRoutes,
  ...treeRoutes,
];

/** Every tag that an operation names, in their order. */
function tagsOf(paths: Record<string, object>): { name: string }[] {
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods) as { tags: readonly string[] }[]);
  return [...new Set(operations.flatMap(({ tags }) => tags))].map((name) => ({ name }));
}

export function apiDocument(publicUrl: string): Record<string, unknown> {
  const document = openApiDocument(ROUTES, publicUrl);
  const paths: Record<string, object> = { ...OTHER_PATHS, ...(document['paths'] as object) };
  for (const [path, methods] of Object.entries(IMPORT_PATHS)) paths[path] = { ...paths[path], ...methods };
  return { ...document, tags: tagsOf(paths), paths };
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
  const trustedProxies = trustedProxiesOf(config);
  registerClientAddress(fastify, trustedProxies);
  await registerSoap(fastify, rpc, config, trustedProxies, app.get(ProviderTree));
  // A context of its own: what its routes throw, and what of a request can't even be read, is answered as a problem.
  await fastify.register(async (api) => {
    api.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
    api.addHook('onRequest', (request, reply, done) => {
      // What only its asker may see: messages, tokens, webhook addresses.
      if (request.url.startsWith('/v1')) void reply.header('cache-control', 'no-store');
      done();
    });
    readJsonStrictly(api);
    api.addHook('preValidation', async ({ url, params, query, body }) => {
      assertQueryReadable(url);
      for (const part of [params, query, body]) assertReadable(part);
    });
    await api.register(fastifyCookie);
    const keys = new IdempotencyKeys(
      kvBucket(messaging, 'idempotency-keys', { ttlSeconds: DAY_SECONDS }),
      answersBox(config.tokenSecret),
      config.idempotencyAbandonedSeconds * 1000,
    );
    const rates = new RequestRates({
      caller: { perSecond: config.licenseRequestsPerSecond, burst: 10 * config.licenseRequestsPerSecond },
      account: LICENSE_REQUESTS_OF_ACCOUNT,
    });
    const timeoutMs = config.rpcTimeoutSeconds * 1000;
    new RouteHost(tokens, rpc, keys, app.get(ProviderTree), app.get(Quotas), timeoutMs, rates).register(api, ROUTES);
    const imports = { maxBytes: config.importMaxBytes, timeoutMs };
    await new UserImports(tokens, rpc, app.get(ProviderTree), keys, imports).register(api);
    new Sessions(rpc, tokens, config).register(api);
    registerSocketAddress(api);
    registerDeadLetters(api, tokens, app.get(DeadLetters));
    await registerDocs(api, apiDocument(config.publicUrl));
  });
}

/** Starts the gateway: REST under /v1, the client socket, the OpenAPI document and its page. */
export async function startGateway(config: Readonly<GatewayConfig>): Promise<RunningService> {
  const service = await startService({
    name: 'gateway',
    module: GatewayModule,
    config,
    http: {
      port: config.port,
      host: config.host,
      upgrades: opensSocket,
      rewriteUrl: soapPathRewriter(config),
      configure: (fastify, app) => configure(fastify, app, config),
    },
  });
  service.app.get(ClientSockets).attach(service.app.getHttpServer() as Server);
  return service;
}
