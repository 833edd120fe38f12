import { Module } from '@nestjs/common';
import { RpcModule } from '@strowger/http';
import { MessagingModule } from '@strowger/messaging';
import { ApiKeys } from './auth/api-keys.js';
import { DroppedCredentials } from './auth/dropped-credentials.js';
import { ProviderTree } from './auth/provider-tree.js';
import { Tokens } from './auth/tokens.js';
import { ClientSockets } from './client/client-socket.js';
import type { GatewayConfig } from './config.js';

/** The gateway keeps no business state: tokens, the line to the services and the stream for live pushes. */
export function gatewayModule(config: GatewayConfig) {
  @Module({
    imports: [
      RpcModule.forRoot({ natsUrl: config.natsUrl, service: 'gateway' }),
      MessagingModule.forRoot({ service: 'gateway', natsUrl: config.natsUrl }),
    ],
    providers: [ApiKeys, DroppedCredentials, ProviderTree, Tokens, ClientSockets],
  })
  class GatewayModule {}
  return GatewayModule;
}
