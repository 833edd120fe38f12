import { Module } from '@nestjs/common';
import { MessagingModule } from '@strowger/messaging';
import { RpcModule } from '@strowger/rpc';
import { ApiKeys } from './auth/api-keys.js';
import { DroppedCredentials } from './auth/dropped-credentials.js';
import { ProviderTree } from './auth/provider-tree.js';
import { Tokens } from './auth/tokens.js';
import { Quotas } from './rates/quotas.js';
import { ClientSockets } from './client/client-socket.js';

/** The gateway keeps no business state: tokens, the line to the services and the stream for live pushes. */
@Module({
  imports: [RpcModule, MessagingModule.forRoot()],
  providers: [ApiKeys, DroppedCredentials, ProviderTree, Quotas, Tokens, ClientSockets],
})
export class GatewayModule {}
