import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Carrier, HookRequest } from '../carrier.js';

/** A webhook receiver that answers what the carrier's hook says, as ingestion would. */
export async function hookReceiver({ hook, manifest: { kind } }: Carrier, account: string) {
  const { headers, authentication, read } = hook;
  const seen = [...headers, ...(authentication?.secretHeaders ?? [])];
  const hooks: HookRequest[] = [];
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const kept = seen.map((name) => [name, request.headers[name]]).filter(([, value]) => typeof value === 'string');
      const received: HookRequest = {
        method: request.method ?? '',
        contentType: request.headers['content-type'],
        headers: Object.fromEntries(kept) as Record<string, string>,
        query: new URL(request.url ?? '/', 'http://x').search.slice(1),
        rawBody: Buffer.concat(chunks),
        receivedAt: new Date(),
        account,
      };
      const { reply } = read(received);
      response.writeHead(reply.status, reply.contentType ? { 'content-type': reply.contentType } : {}).end(reply.body);
      hooks.push(received);
      for (const look of waiting) look();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    hooks,
    hookUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/${kind}/token`,
    hook: (wanted: (request: HookRequest) => boolean) =>
      new Promise<HookRequest>((resolve) => {
        const look = () => {
          const found = hooks.find(wanted);
          if (!found) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
