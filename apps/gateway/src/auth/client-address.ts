import { clientAddress, type NetworkList } from '@strowger/kernel';
import type { FastifyInstance, FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyRequest {
    /** Where the request came from, behind our proxies; undefined when what they say is junk. Not Fastify's `ip`. */
    clientAddress: string | undefined;
  }
}

/** Gives every request its `clientAddress`. Register it before the first route. */
export function registerClientAddress(fastify: FastifyInstance, trusted: NetworkList): void {
  fastify.decorateRequest('clientAddress', {
    getter(this: FastifyRequest): string | undefined {
      return clientAddress(this.socket.remoteAddress, this.headers['x-forwarded-for'], trusted);
    },
  } as never);
}
