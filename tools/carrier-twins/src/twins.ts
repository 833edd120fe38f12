import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inProcess } from './control/client.js';
import { overviewPage } from './control/page.js';
import { controlReply } from './control/routes.js';
import type { Fault } from './faults.js';
import type { TwinsOptions } from './options.js';
import { SnapshotFile } from './snapshot.js';
import type { Twin } from './twin.js';
import { TWINS, type TwinsControl, twinsControl } from './registry.js';
import { Call, type Operation, type Reply, send, text } from './wire.js';
import { World } from './world.js';

export interface RunningTwins {
  /** `http://host:port`; the twins' addresses go below. */
  url: string;
  /** What people call a base URL, and the base URL. */
  addresses: Record<string, string>;
  /** Up to and including `/2012-04-24`. The same is served under `/api/2012-04-24`. */
  restcommUrl: string;
  /** Append `/v1/numbers`. */
  exchangeUrl: string;
  /** Append `/dids/offnet/submit`. */
  teleapiUrl: string;
  control: TwinsControl;
  stop(): Promise<void>;
}

/** Plays every carrier on one port. */
export async function startTwins(options: TwinsOptions = {}): Promise<RunningTwins> {
  const world = new World(options.twins ?? TWINS, options);
  const snapshot = options.stateFile ? new SnapshotFile(world, options.stateFile) : undefined;
  snapshot?.open();
  const server = createServer({ keepAliveTimeout: 75_000, noDelay: true }, (request, response) =>
    receive(world, request, response),
  );
  server.requestTimeout = 0;
  const host = options.host ?? '127.0.0.1';
  await listening(server, options.port ?? 0, host);
  const { port } = server.address() as AddressInfo;
  const url = `http://${host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host}:${port}`;
  return {
    url,
    addresses: Object.fromEntries(
      [...world.twins.values()].flatMap(({ addresses }) =>
        Object.entries(addresses).map(([name, path]) => [name, `${url}${path}`]),
      ),
    ),
    restcommUrl: `${url}/restcomm/2012-04-24`,
    exchangeUrl: `${url}/message-exchange`,
    teleapiUrl: `${url}/teleapi`,
    control: twinsControl(inProcess(world)),
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      snapshot?.close();
      for (const twin of world.twins.values()) twin.clear();
      await world.webhooks.close();
    },
  };
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: 4096 }, resolve);
  });
}

function receive(world: World, request: IncomingMessage, response: ServerResponse): void {
  if (request.method === 'GET') {
    dispatch(world, request, response, '');
    return;
  }
  let first: Buffer | undefined;
  let chunks: Buffer[] | undefined;
  request.on('data', (chunk: Buffer) => {
    if (!first) first = chunk;
    else (chunks ??= [first]).push(chunk);
  });
  request.on('end', () => {
    const body = chunks ? Buffer.concat(chunks) : first;
    dispatch(world, request, response, body ? body.toString('utf8') : '');
  });
}

function dispatch(world: World, request: IncomingMessage, response: ServerResponse, body: string): void {
  const url = request.url!;
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const call = new Call(request.method!, path, mark < 0 ? '' : url.slice(mark + 1), request.headers, body);
  try {
    for (const twin of world.twins.values()) {
      for (const { prefix, operation } of twin.routes) {
        if (!path.startsWith(prefix)) continue;
        perform(world, twin, call, operation(call, path.slice(prefix.length)), response);
        return;
      }
    }
  } catch (error) {
    // A path that can't be decoded; a carrier's server would not die of it either.
    send(response, text(error instanceof URIError ? 400 : 500, (error as Error).message));
    return;
  }
  void elsewhere(world, call).then(
    (reply) => send(response, reply),
    (error: Error) => send(response, text(500, error.message)),
  );
}

async function elsewhere(world: World, call: Call): Promise<Reply> {
  if (call.path.startsWith('/control/')) return controlReply(world, call, call.path.slice(9));
  if (call.path === '/' && call.method === 'GET') return overviewPage(world);
  return text(404, 'Nothing is here. Try / or /control/state.');
}

/** Journal, fault, effect, answer. Without a fault this is one straight line: benchmarks run through it. */
function perform(world: World, twin: Twin, call: Call, operation: Operation, response: ServerResponse): void {
  const entry = world.journal.add(twin.kind, call, operation);
  const answer = (reply: Reply): void => {
    if (!reply.withhold) entry.status = reply.status;
    send(response, reply);
  };
  const fault = world.faults.active === 0 ? undefined : world.faults.take(twin.kind, call, operation);
  const { slowMs = 0 } = operation;
  if (fault) {
    entry.faultId = fault.id;
    misbehave(fault, operation, response, answer);
  } else if (slowMs > 0) {
    const reply = operation.run();
    setTimeout(() => answer(reply), slowMs).unref();
  } else {
    answer(operation.run());
  }
}

function misbehave(fault: Fault, operation: Operation, response: ServerResponse, answer: (reply: Reply) => void): void {
  switch (fault.do) {
    case 'refuse': {
      const { refusal } = operation;
      answer({ ...refusal, status: fault.status ?? refusal.status, body: fault.body ?? refusal.body });
      return;
    }
    case 'status':
      answer({ status: fault.status ?? 503, type: fault.body ? typeOf(fault.body) : undefined, body: fault.body });
      return;
    case 'timeout-before':
      return;
    case 'timeout-after':
      operation.run();
      return;
    case 'reset-before':
      response.socket?.resetAndDestroy();
      return;
    case 'reset-after':
      operation.run();
      response.socket?.resetAndDestroy();
      return;
    case 'delay':
      setTimeout(() => answer(operation.run()), fault.delayMs ?? 1000).unref();
      return;
    case 'duplicate':
      answer(first(operation.run(), operation.run()));
      return;
    case 'wrong-charset': {
      const reply = operation.run();
      const body = typeof reply.body === 'string' ? Buffer.from(reply.body, 'latin1') : reply.body;
      answer({ ...reply, type: reply.type?.split(';')[0], body });
      return;
    }
    case 'vanish':
      // The route was found while the resource was there; running it again looks again.
      operation.vanish?.();
      answer(operation.run());
      return;
    case 'reorder':
      answer(operation.run());
  }
}

const first = (reply: Reply, _second: Reply): Reply => reply;

function typeOf(body: string): string {
  const start = body.trimStart()[0];
  return start === '{' || start === '[' ? 'application/json' : start === '<' ? 'text/html' : 'text/plain';
}
