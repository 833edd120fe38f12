import { Global, Module } from '@nestjs/common';
import { Health } from '@strowger/telemetry';
import { NatsLink } from './nats-link.js';
import { Rpc } from './rpc-client.js';

/** Provides `Rpc` everywhere in a service that asks others; without NATS such a service is not ready. */
@Global()
@Module({
  providers: [
    {
      provide: Rpc,
      useFactory: (link: NatsLink, health: Health) => {
        health.add('nats', () => link.check());
        return new Rpc(link);
      },
      inject: [NatsLink, Health],
    },
  ],
  exports: [Rpc],
})
export class RpcModule {}
