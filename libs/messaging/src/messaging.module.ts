import {
  Global,
  Inject,
  Injectable,
  Module,
  type BeforeApplicationShutdown,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { DiscoveryModule, DiscoveryService, ModuleRef } from '@nestjs/core';
import { setTimeout as delay } from 'node:timers/promises';
import { NatsLink } from '@strowger/rpc';
import { Consumers } from './consumers.js';
import { DeadLetters } from './dead-letters.js';
import { batchConsumerOf, consumerOf } from './decorators.js';
import { INBOX, type InboxTransaction } from './inbox.js';
import { Messaging } from './messaging.js';
import { Publisher } from './publisher.js';

export interface MessagingModuleOptions {
  replicas?: 1 | 3;
  /** How long shutdown waits for handlers. Default 15. */
  drainSeconds?: number;
}

const OPTIONS = Symbol('strowger.messaging-options');
/** Bootstrap waits this long for NATS; after that consumers start whenever it comes. */
const BOOTSTRAP_WAIT_MS = 5000;

@Injectable()
class ConsumerLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private consumers?: Consumers;

  constructor(
    @Inject(OPTIONS) private readonly options: MessagingModuleOptions,
    @Inject(Messaging) private readonly messaging: Messaging,
    @Inject(Publisher) private readonly publisher: Publisher,
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(ModuleRef) private readonly modules: ModuleRef,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const instances = new Set<object>();
    for (const { instance } of this.discovery.getProviders() as { instance?: unknown }[]) {
      if (typeof instance !== 'object' || instance === null) continue;
      if (consumerOf(instance.constructor) ?? batchConsumerOf(instance.constructor)) instances.add(instance);
    }
    this.consumers = new Consumers(this.messaging, this.publisher, this.inbox());
    this.consumers.start([...instances]);
    const started = Promise.all([this.messaging.ready(), this.consumers.started()]).catch(() => undefined);
    const waited = new AbortController();
    await Promise.race([
      started,
      delay(BOOTSTRAP_WAIT_MS, undefined, { signal: waited.signal }).catch(() => undefined),
    ]);
    waited.abort();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.consumers?.stop((this.options.drainSeconds ?? 15) * 1000);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.messaging.close();
  }

  /** Persistence supplies it when the service has SQL. */
  private inbox(): InboxTransaction | undefined {
    try {
      return this.modules.get<InboxTransaction>(INBOX, { strict: false });
    } catch {
      return undefined;
    }
  }
}

/**
 * Global. Provides Messaging on the process's NatsLink, Publisher and DeadLetters; finds every @Consumer and @BatchConsumer among the providers,
 * starts them after bootstrap and drains them on shutdown (call `app.enableShutdownHooks()` or `app.close()`).
 */
@Global()
@Module({})
export class MessagingModule {
  static forRoot(options: MessagingModuleOptions = {}): DynamicModule {
    const { replicas } = options;
    return {
      module: MessagingModule,
      imports: [DiscoveryModule],
      providers: [
        { provide: OPTIONS, useValue: options },
        { provide: Messaging, useFactory: (link: NatsLink) => new Messaging(link, { replicas }), inject: [NatsLink] },
        { provide: Publisher, useFactory: (messaging: Messaging) => new Publisher(messaging), inject: [Messaging] },
        {
          provide: DeadLetters,
          useFactory: (messaging: Messaging, publisher: Publisher) => new DeadLetters(messaging, publisher),
          inject: [Messaging, Publisher],
        },
        ConsumerLifecycle,
      ],
      exports: [Messaging, Publisher, DeadLetters],
    };
  }
}
