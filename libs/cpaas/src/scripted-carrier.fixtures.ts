import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SeenRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: string;
  form: URLSearchParams;
}
export type Reply =
  | { status?: number; json?: unknown; text?: string; headers?: Record<string, string> }
  /** Take the request, then end the connection without an answer, or never answer. */
  | 'reset'
  | 'silence';

/** A real HTTP server that answers what the test says, for the oddities a well-behaved twin doesn't show. */
export async function scriptedCarrier(answer: (request: SeenRequest) => Reply) {
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => void respond(request, response));

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const url = new URL(request.url ?? '/', 'http://carrier');
    const { method = '', headers } = request;
    const asked = {
      method,
      path: url.pathname,
      query: url.searchParams,
      headers,
      body,
      form: new URLSearchParams(body),
    };
    seen.push(asked);
    const reply = answer(asked);
    if (reply === 'silence') return;
    if (reply === 'reset') {
      request.socket.destroy();
      return;
    }
    response.writeHead(reply.status ?? 200, reply.headers ?? {});
    response.end(reply.text ?? (reply.json === undefined ? '' : JSON.stringify(reply.json)));
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    seen,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
