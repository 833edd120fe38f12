/** The service's one module, in the shape that apps/provisioning/src/app.module.ts describes. */
import { type DynamicModule, Module } from '@nestjs/common';
import { JobsModule } from '@strowger/jobs';
import { Clock, SystemClock } from '@strowger/kernel';
import { MessagingModule } from '@strowger/messaging';
import { PersistenceModule } from '@strowger/persistence';
import { RpcModule } from '@strowger/rpc';
import type { RoutingConfig } from './config.js';
import { BlocksService } from './consent/blocks.service.js';
import { ConsentService } from './consent/consent.service.js';
import { AgentsService } from './contact-centre/agents.service.js';
import { CascadesService } from './contact-centre/cascades.service.js';
import { EndingService } from './contact-centre/ending.service.js';
import { MediaStreamsService } from './contact-centre/media-streams.service.js';
import { NodesService } from './contact-centre/nodes.service.js';
import { QueuesService } from './contact-centre/queues.service.js';
import { MessagesService } from './conversations/messages.service.js';
import { DirectoryConsumer } from './directory.consumer.js';
import { DirectoryService } from './directory/directory.service.js';
import { PlatformAccess } from './directory/platform-access.js';
import { DeliveriesConsumer } from './inbound/deliveries.consumer.js';
import { InboundService } from './inbound/inbound.service.js';
import { Quarantine } from './inbound/quarantine.js';
import { QuarantineService } from './inbound/quarantine.service.js';
import { rereadMessage } from './inbound/reread.jobs.js';
import { FeedService } from './messages/feed.service.js';
import { MessageStore } from './messages/message.store.js';
import { QueueStore } from './messages/queue.store.js';
import { SendingStore } from './messages/sending.store.js';
import { MIGRATIONS } from './migrations/index.js';
import { OutboundMessages } from './outbound/outbound-messages.js';
import { OverdueReceipts } from './outbound/overdue-receipts.service.js';
import { ReceiptsService } from './outbound/receipts.service.js';
import { SenderWakes } from './outbound/sender-wakes.js';
import { SenderService } from './outbound/sender.service.js';
import { reconcilePlatform } from './reconcile/reconcile.jobs.js';
import { ReconcileService } from './reconcile/reconcile.service.js';

export const SERVICE = 'routing';

@Module({})
export class AppModule {
  static forRoot(config: RoutingConfig, clock: Clock = new SystemClock()): DynamicModule {
    return {
      module: AppModule,
      imports: [
        // Routing speaks SQL, not entities: every statement works on a batch.
        PersistenceModule.forRoot({
          service: SERVICE,
          databaseUrl: config.databaseUrl,
          entities: [],
          migrations: MIGRATIONS,
          poolSize: 16,
        }),
        MessagingModule.forRoot(),
        JobsModule.forRoot({
          service: SERVICE,
          redisUrl: config.redisUrl,
          jobs: [reconcilePlatform, rereadMessage],
        }),
        RpcModule,
      ],
      providers: [
        { provide: Clock, useValue: clock },
        NodesService,
        EndingService,
        CascadesService,
        QueuesService,
        MediaStreamsService,
        AgentsService,
        DirectoryService,
        PlatformAccess,
        DirectoryConsumer,
        FeedService,
        MessageStore,
        QueueStore,
        InboundService,
        Quarantine,
        QuarantineService,
        DeliveriesConsumer,
        OutboundMessages,
        ReceiptsService,
        OverdueReceipts,
        SendingStore,
        SenderService,
        SenderWakes,
        ConsentService,
        BlocksService,
        MessagesService,
        ReconcileService,
      ],
    };
  }
}
