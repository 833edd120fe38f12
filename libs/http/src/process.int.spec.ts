import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformFile } from '@swc/core';
import {
  eventually,
  freePort,
  type ServerProcess,
  spawnService,
  type SpawnedService,
  startNats,
} from '@strowger/testing';
import { startCollector } from '@strowger/telemetry/testing';

const LIBS = fileURLToPath(new URL('../..', import.meta.url));
const CANARY = 'canary-f81d4fae';

/** A service of a few lines: `edge` asks `owner` over RPC. */
const MAIN = `
import { Env, loadConfig, Secret, ServiceConfig } from '@strowger/config';
import { startService } from '@strowger/http';
import { AppError, PLATFORM_SCOPE, rpc, SYSTEM_ACTOR } from '@strowger/kernel';
import { Answers, Rpc, RpcModule } from '@strowger/rpc';
import { logger } from '@strowger/telemetry';
class Config extends ServiceConfig {}
Env('PORT')(Config.prototype, 'port');
Secret()(Config.prototype, 'tokenSecret');
Env('STROWGER_TOKEN_SECRET')(Config.prototype, 'tokenSecret');
class Ask {}
const contract = rpc('rpc.owner.ask.v1', Ask);
class Service { async ask() { return { ok: true }; } }
Answers(contract)(Service.prototype, 'ask', Object.getOwnPropertyDescriptor(Service.prototype, 'ask'));
const { Module } = await import('@nestjs/common');
class App {}
const [name] = process.argv.slice(2);
const config = loadConfig(Config);
const log = logger('spec');
Module(name === 'owner' ? { providers: [Service] } : { imports: [RpcModule] })(App);
let release;
const http = { port: Number(config.port), host: '127.0.0.1', configure(fastify, app) {
  fastify.get('/ask', () => app.get(Rpc).call(contract, { scope: PLATFORM_SCOPE, actor: SYSTEM_ACTOR, body: {} }));
  fastify.get('/slow', () => new Promise((resolve) => { release = resolve; log.info('waiting'); }));
  fastify.get('/release', async () => { release({ finished: true }); return {}; });
  fastify.get('/crash', () => { setImmediate(() => { throw new Error('postgres://u:' + config.tokenSecret + '@db/x'); }); return {}; });
  fastify.post('/leak/:token', (request) => {
    const cause = Object.assign(new Error('GET https://u:' + request.params.token + '@carrier.example'), { config: request.headers, query: request.body });
    log.info({ config, headers: request.headers, token: request.params.token, nested: { password: request.params.token, deep: { authorization: request.params.token } } }, 'leak-tried');
    throw new AppError('internal', 'x', 'x', {}, { cause });
  });
} };
await startService({ name, module: App, config, http });
`;

/** Records which SDK modules a process loads. */
const SPY = `
import { registerHooks } from 'node:module';
registerHooks({ resolve(specifier, context, next) {
  if (/@opentelemetry\\/(sdk|exporter)/.test(specifier) && !globalThis.spied) { globalThis.spied = true; console.log('sdk-loaded'); }
  return next(specifier, context);
} });
`;

/** The libraries compiled as the build does it, in a folder of this test's own. */
async function compile(root: string): Promise<void> {
  const { $schema: _, ...options } = JSON.parse(readFileSync(join(LIBS, '../.swcrc'), 'utf8')) as Record<
    string,
    unknown
  >;
  for (const lib of ['kernel', 'config', 'telemetry', 'rpc', 'http']) {
    const [src, to] = [join(LIBS, lib, 'src'), join(root, 'node_modules/@strowger', lib)];
    mkdirSync(join(to, 'dist'), { recursive: true });
    writeFileSync(join(to, 'package.json'), readFileSync(join(LIBS, lib, 'package.json')));
    const files = readdirSync(src).filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'));
    await Promise.all(
      files.map(async (file) => {
        const { code } = await transformFile(join(src, file), { ...options, swcrc: false, sourceMaps: false });
        writeFileSync(join(to, 'dist', file.replace(/ts$/, 'js')), code);
      }),
    );
  }
  writeFileSync(join(root, 'main.mjs'), MAIN);
  writeFileSync(join(root, 'spy.mjs'), SPY);
}

describe('a service as a process', () => {
  let root: string;
  let nats: ServerProcess;
  const running: SpawnedService[] = [];

  beforeAll(async () => {
    const folder = join(dirname(LIBS), '.local');
    mkdirSync(folder, { recursive: true });
    root = mkdtempSync(join(folder, 'process-spec-'));
    [nats] = await Promise.all([startNats(), compile(root)]);
  });
  afterAll(async () => {
    await Promise.all(running.map((service) => service.kill9()));
    await nats.stop();
    rmSync(root, { recursive: true });
  });

  async function start(name: string, env: Record<string, string> = {}): Promise<SpawnedService & { url: string }> {
    const [port, opsPort] = [await freePort(), await freePort()];
    const service = await spawnService({
      entry: join(root, 'main.mjs'),
      args: [name],
      env: {
        NODE_OPTIONS: `--import=${root}/spy.mjs --import=${root}/node_modules/@strowger/telemetry/dist/preload.js`,
        STROWGER_MODE: 'production',
        STROWGER_TOKEN_SECRET: `${CANARY}-0123456789abcdefghijk`,
        NATS_URL: nats.url,
        OPS_HOST: '127.0.0.1',
        LOG_LEVEL: 'debug',
        OTEL_SERVICE_NAME: name,
        PORT: String(port),
        OPS_PORT: String(opsPort),
        ...env,
      },
      readyUrl: `http://127.0.0.1:${opsPort}/readyz`,
    });
    running.push(service);
    return { ...service, url: `http://127.0.0.1:${port}` };
  }

  it('makes one trace through HTTP and NATS when OTLP is configured, and exports it before it ends', async () => {
    const collector = await startCollector();
    const [edge, owner] = await Promise.all([start('edge', collector.env), start('owner', collector.env)]);
    expect(await (await fetch(`${edge.url}/ask`)).json()).toEqual({ ok: true });
    await Promise.all([edge.stop(), owner.stop()]);
    await collector.stop();
    const [http, client, server] = ['GET /ask', 'rpc.owner.ask.v1', 'rpc.owner.ask.v1'].map((name, i) =>
      collector.spans.find((s) => s.name === name && s.service === (i === 2 ? 'owner' : 'edge')),
    );
    expect(http?.parentSpanId).toBeUndefined();
    expect(client).toMatchObject({ traceId: http!.traceId, parentSpanId: http!.spanId });
    expect(server).toMatchObject({ traceId: http!.traceId, parentSpanId: client!.spanId });
    expect(edge.output()).toContain('sdk-loaded');
  });

  it('answers the request it has when asked to stop, then exits with 0; no telemetry SDK was loaded', async () => {
    const edge = await start('edge', { SHUTDOWN_DELAY_MS: '500' });
    const answer = fetch(`${edge.url}/slow`);
    await eventually(() => edge.output().includes('"waiting"'));
    const exited = edge.stop();
    await eventually(() => edge.output().includes('"service-stopping"'));
    // Inside the delay new requests are still served, each asked to connect elsewhere next time.
    const late = await fetch(`${edge.url}/release`);
    expect([late.status, late.headers.get('connection')]).toEqual([200, 'close']);
    expect(await (await answer).json()).toEqual({ finished: true });
    expect(await exited).toBe(0);
    expect(edge.output()).toContain('"service-stopped"');
    expect(edge.output()).not.toContain('sdk-loaded');
  });

  it('logs a stray error and exits with 1', async () => {
    const edge = await start('edge');
    await fetch(`${edge.url}/crash`).catch(() => undefined);
    expect(await edge.exited).toBe(1);
    expect(edge.output()).toContain('"uncaught-exception"');
    expect(edge.output()).not.toContain(CANARY);
  });

  it('lets no secret into its log, nor into answers', async () => {
    const edge = await start('edge');
    const response = await fetch(`${edge.url}/leak/${CANARY}?key=${CANARY}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${CANARY}`, cookie: `session=${CANARY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ password: CANARY }),
    });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain(CANARY);
    expect(await edge.stop()).toBe(0);
    expect(edge.output()).toContain('"leak-tried"');
    expect(edge.output()).toContain('"request-failed"');
    expect(edge.output()).not.toContain(CANARY);
  });

  it('does not start with a wrong environment, and says which variable', async () => {
    await expect(start('edge', { OPS_HOST: '', LOG_LEVEL: 'loud', PORT: '' })).rejects.toThrow(
      /LOG_LEVEL must be one of.*PORT is required|PORT is required.*LOG_LEVEL must be one of/s,
    );
  });
});
