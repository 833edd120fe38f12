import 'reflect-metadata';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DynamicModule, SecurityHeadersOptions, Type } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ServiceConfig } from '@strowger/config';
import { findAnswers, NatsLink, RpcServer } from '@strowger/rpc';
import { Health, logger, nestLogger, setLogLevel } from '@strowger/telemetry';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { HttpTraffic, instrument, requestIdOf } from './http-traffic.js';
import { startOpsServer } from './ops-server.js';
import { answerUnreadable, ProblemFilter, sendProblem } from './problem.filter.js';
import { stopOnSignals } from './shutdown.js';
import { InputPipe } from './validation.js';

export interface HttpOptions {
  /** 0 picks a free port. */
  port: number;
  /** Address to listen on; 0.0.0.0 for all interfaces. */
  host: string;
  /** Largest body accepted; 1 MiB when not given. Routes may narrow or widen it. */
  bodyLimitBytes?: number;
  /** Changes to helmet's headers for the whole service, or false to send none. A route overrides one with `reply.header`. */
  helmet?: SecurityHeadersOptions | false;
  /** Keeps the raw bytes of parsed bodies as `request.rawBody`. */
  rawBody?: boolean;
  /**
   * Which requests with an `Upgrade` header go to the server's `upgrade` listener. The others are answered as without the
   * header (RFC 9110 §7.8): every HTTP/2 client may offer h2c. None when not given.
   */
  upgrades?(request: IncomingMessage): boolean;
  /** What the router is to take a request's URL for; called for every request, before anything else. */
  rewriteUrl?(url: string): string;
  /** Plugins, parsers, hooks and routes on the bare Fastify instance, before Nest adds its routes. */
  configure?(fastify: FastifyInstance, app: NestFastifyApplication): void | Promise<void>;
}

export interface ServiceOptions<C extends ServiceConfig> {
  /** Name in logs, queue group on NATS. */
  name: string;
  module: Type | DynamicModule;
  /** Injectable everywhere by its own class and as `ServiceConfig`. */
  config: Readonly<C>;
  http?: HttpOptions;
  /** False: does not answer requests, though it has `@Answers` methods. */
  rpc?: boolean;
  /** Stop on SIGTERM and SIGINT and exit on stray errors. By default in every mode but test. */
  handleSignals?: boolean;
  /** Runs when everything listens. */
  onReady?(app: NestFastifyApplication): void | Promise<void>;
}

export interface RunningService {
  app: NestFastifyApplication;
  health: Health;
  /** `http://127.0.0.1:<port>`, when the service has an HTTP port. */
  url?: string;
  port?: number;
  opsUrl: string;
  opsPort: number;
  /** Resolves once requests are being answered, which waits for NATS; at once when the service answers none. */
  rpcReady: Promise<void>;
  /** The graceful shutdown: readiness off, finish what is in flight, close. Does not exit. Safe to call twice. */
  close(): Promise<void>;
}

const BODY_LIMIT_BYTES = 1 << 20;
const REQUEST_TIMEOUT_MS = 30_000;
/**
 * Helmet's headers as Nest sends them, worked out once at start-up rather than per request.
 * An API has nothing to run or frame; a page that does (the docs) sets its own policy on its route.
 */
const SECURITY_HEADERS: SecurityHeadersOptions = {
  contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
};

/** Starts a service: Nest on Fastify, RPC over NATS, the ops port, and an orderly end. */
export async function startService<C extends ServiceConfig>(options: ServiceOptions<C>): Promise<RunningService> {
  const { name, config } = options;
  setLogLevel(config.logLevel);
  const log = logger(name);
  let health: Health | undefined;
  const ops = await startOpsServer(() => health, config.opsPort, config.opsHost);
  const traffic = new HttpTraffic();
  const nats = new NatsLink(config.natsUrl, name);
  let app: NestFastifyApplication | undefined;
  try {
    app = await createApp(options, nats);
    if (options.http) await setUpHttp(app, options.http, traffic);
    const checks = app.get(Health);
    const answers = findAnswers(app.get(DiscoveryService));
    const rpc = answers.size > 0 && options.rpc !== false ? new RpcServer(nats, name, answers) : undefined;
    if (rpc) checks.add('rpc', () => rpc.check());
    if (options.http) await app.listen(options.http.port, options.http.host);
    else await app.init();
    // Not awaited: a service comes up, unready, while NATS is away.
    const rpcReady = rpc?.start() ?? Promise.resolve();
    rpcReady.catch((error: unknown) => log.error({ err: error }, 'rpc-not-started'));

    const running = app;
    const close = once(async () => {
      log.info('service-stopping');
      checks.stop();
      traffic.shedConnections();
      if (config.shutdownDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, config.shutdownDelayMs));
      await Promise.all([traffic.drain(), rpc?.close()]);
      await running.close();
      // Last, because everything above may still send: replies, acks, facts.
      await nats.close();
      await ops.close();
      log.info('service-stopped');
    });
    if (options.handleSignals ?? config.mode !== 'test') stopOnSignals(name, close);
    await options.onReady?.(app);
    // Not earlier: ready means that everything above listens.
    health = checks;
    const port = options.http && (app.getHttpServer().address() as AddressInfo).port;
    log.info({ port, opsPort: ops.port }, 'service-started');
    return {
      app,
      health: checks,
      ...(port === undefined ? {} : { port, url: `http://127.0.0.1:${port}` }),
      opsPort: ops.port,
      opsUrl: `http://127.0.0.1:${ops.port}`,
      rpcReady,
      close,
    };
  } catch (error) {
    await app?.close().catch(() => undefined);
    await nats.close();
    await ops.close();
    throw error;
  }
}

class ServiceRoot {}

async function createApp<C extends ServiceConfig>(
  { module, config, http }: ServiceOptions<C>,
  nats: NatsLink,
): Promise<NestFastifyApplication> {
  const rewriteUrl = http?.rewriteUrl;
  const adapter = new FastifyAdapter({
    logger: false,
    http: { shouldUpgradeCallback: (request: IncomingMessage) => http?.upgrades?.(request) ?? false },
    ...(rewriteUrl && { rewriteUrl: (request: { url?: string }) => rewriteUrl(request.url ?? '/') }),
    bodyLimit: http?.bodyLimitBytes ?? BODY_LIMIT_BYTES,
    genReqId: requestIdOf,
    requestIdHeader: false,
    // Fastify's default is to wait for a slow sender for ever.
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Natural keys are kept as given, and some are long: a BroadWorks user id has up to 161 characters.
    routerOptions: { maxParamLength: 512 },
    clientErrorHandler: answerUnreadable,
    return503OnClosing: false,
    // A URL the router can't even read never reaches Nest.
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => sendProblem(error, request, reply),
  });
  const root: DynamicModule = {
    module: ServiceRoot,
    global: true,
    imports: [DiscoveryModule, module],
    providers: [
      { provide: ServiceConfig, useValue: config },
      { provide: config.constructor, useValue: config },
      { provide: NatsLink, useValue: nats },
      Health,
    ],
    exports: [ServiceConfig, config.constructor as Type, NatsLink, Health],
  };
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, {
    logger: nestLogger(),
    abortOnError: false,
    rawBody: http?.rawBody ?? false,
    forceCloseConnections: true,
  });
  app.useGlobalFilters(new ProblemFilter());
  app.useGlobalPipes(new InputPipe());
  return app;
}

async function setUpHttp(app: NestFastifyApplication, http: HttpOptions, traffic: HttpTraffic): Promise<void> {
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  traffic.watch(app.getHttpServer());
  instrument(fastify);
  if (http.helmet !== false) app.useSecurityHeaders({ ...SECURITY_HEADERS, ...http.helmet });
  await http.configure?.(fastify, app);
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= run());
}
