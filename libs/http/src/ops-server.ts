import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Health, renderMetrics, startProcessMetrics } from '@strowger/telemetry';

export interface OpsServer {
  port: number;
  close(): Promise<void>;
}

/**
 * /livez, /readyz and /metrics on a port of their own, without a framework: it answers before the application is up
 * and until it is gone, and no route or filter of the application can get in its way.
 */
export async function startOpsServer(health: () => Health | undefined, port: number, host: string): Promise<OpsServer> {
  startProcessMetrics();
  const answer = async (path: string, response: ServerResponse): Promise<void> => {
    if (path === '/livez') return send(response, 200, 'text/plain', 'ok\n');
    if (path === '/readyz') {
      const readiness = (await health()?.readiness()) ?? { ready: false, checks: { start: 'failing' } };
      return send(response, readiness.ready ? 200 : 503, 'application/json', JSON.stringify(readiness));
    }
    if (path === '/metrics')
      return send(response, 200, 'text/plain; version=0.0.4; charset=utf-8', await renderMetrics());
    return send(response, 404, 'text/plain', 'There are /livez, /readyz and /metrics here.\n');
  };
  const server = createServer((request, response) => {
    answer((request.url ?? '').split('?', 1)[0]!, response).catch(() => send(response, 500, 'text/plain', 'failed\n'));
  });
  await listening(server, port, host);
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response
    .writeHead(status, { 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
    .end(body);
}

const listening = (server: Server, port: number, host: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
