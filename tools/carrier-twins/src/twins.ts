import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TwinsControl } from './control/api.js';
import { LocalControl } from './control/local.js';
import { overviewPage } from './control/page.js';
import { controlReply } from './control/routes.js';
import { canonicalOperation } from './exchange/canonical.js';
import { teleapiOperation } from './exchange/teleapi.js';
import type { Fault } from './faults.js';
import type { TwinsOptions } from './options.js';
import { restcommOperation } from './restcomm/routes.js';
import { SnapshotFile } from './snapshot.js';
import { Call, type Operation, type Reply, send, text } from './wire.js';
import { World } from './world.js';

export interface RunningTwins {
  /** `http://host:port`. */
  url: string;
  /** Up to and including `/2012-04-24`. The same is served under `/api/2012-04-24`. */
  restcommUrl: string;
  /** Append `/v1/numbers`. */
  exchangeUrl: string;
  /** Append `/dids/offnet/submit`. */
  teleapiUrl: string;
  control: TwinsControl;
  stop(): Promise<void>;
}

const VERSION = '/2012-04-24/';

/** Plays every carrier on one port. */
export async function startTwins(options: TwinsOptions = {}): Promise<RunningTwins> {
  const world = new World(options);
  const snapshot = options.stateFile ? new SnapshotFile(world, options.stateFile) : undefined;
  snapshot?.open();
  const control = new LocalControl(world);
  const server = createServer({ keepAliveTimeout: 75_000, noDelay: true }, (request, response) =>
    receive(world, control, request, response),
  );
  server.requestTimeout = 0;
  const host = options.host ?? '127.0.0.1';
  await listening(server, options.port ?? 0, host);
  const { port } = server.address() as AddressInfo;
  const url = `http://${host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host}:${port}`;
  return {
    url,
    restcommUrl: `${url}/restcomm/2012-04-24`,
    exchangeUrl: `${url}/message-exchange`,
    teleapiUrl: `${url}/teleapi`,
    control,
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      snapshot?.close();
      world.lifecycle.clear();
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

function receive(world: World, control: TwinsControl, request: IncomingMessage, response: ServerResponse): void {
  if (request.method === 'GET') {
    dispatch(world, control, request, response, '');
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
    dispatch(world, control, request, response, body ? body.toString('utf8') : '');
  });
}

function dispatch(
  world: World,
  control: TwinsControl,
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
): void {
  const url = request.url!;
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const call = new Call(request.method!, path, mark < 0 ? '' : url.slice(mark + 1), request.headers, body);
  try {
    const operation = operationFor(world, call);
    if (operation) {
      perform(world, call, operation, response);
      return;
    }
  } catch (error) {
    // A path that can't be decoded; a carrier's server would not die of it either.
    send(response, text(error instanceof URIError ? 400 : 500, (error as Error).message));
    return;
  }
  void elsewhere(control, call).then(
    (reply) => send(response, reply),
    (error: Error) => send(response, text(500, error.message)),
  );
}

function operationFor(world: World, call: Call): Operation | undefined {
  const { path } = call;
  if (path.startsWith('/restcomm' + VERSION)) return restcommOperation(world, call, path.slice(9 + VERSION.length));
  if (path.startsWith('/api' + VERSION)) return restcommOperation(world, call, path.slice(4 + VERSION.length));
  if (path.startsWith('/message-exchange/')) return canonicalOperation(world, call, path.slice(17));
  if (path.startsWith('/teleapi/')) return teleapiOperation(world, call, path.slice(8));
  return undefined;
}

async function elsewhere(control: TwinsControl, call: Call): Promise<Reply> {
  if (call.path.startsWith('/control/')) return controlReply(control, call, call.path.slice(9));
  if (call.path === '/' && call.method === 'GET') return overviewPage(control);
  return text(404, 'Nothing is here. Try / or /control/state.');
}

/** Journal, fault, effect, answer. Without a fault this is one straight line: benchmarks run through it. */
function perform(world: World, call: Call, operation: Operation, response: ServerResponse): void {
  const entry = world.journal.add(call, operation);
  const answer = (reply: Reply): void => {
    if (!reply.withhold) entry.status = reply.status;
    send(response, reply);
  };
  const fault = world.faults.active === 0 ? undefined : world.faults.take(call, operation);
  const delayMs = operation.carrier === 'restcomm' ? world.switches.slowMs : 0;
  if (fault) {
    entry.faultId = fault.id;
    misbehave(fault, operation, response, answer);
  } else if (delayMs > 0) {
    const reply = operation.run();
    setTimeout(() => answer(reply), delayMs).unref();
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
      // The route was found while the resource was there; running it again looks anew.
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
