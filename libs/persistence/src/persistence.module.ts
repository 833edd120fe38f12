import { setTimeout as delay } from 'node:timers/promises';
import {
  Global,
  Inject,
  Injectable,
  Module,
  Optional,
  type BeforeApplicationShutdown,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { MikroORM } from '@mikro-orm/postgresql';
import { INBOX, Messaging, Publisher } from '@strowger/messaging';
import { Health, logger } from '@strowger/telemetry';
import { Db } from './db.js';
import { SchemaBehind } from './errors.js';
import { Inbox } from './inbox.js';
import type { MigrationClass } from './migrate.js';
import { openOrm, type EntityType } from './orm.js';
import { Outbox, OutboxRow } from './outbox.js';
import { OutboxRelay, type OutboxRelayOptions } from './outbox-relay.js';

export interface PersistenceModuleOptions {
  /** The service's name, which is also its schema's. */
  service: string;
  databaseUrl: string;
  entities: readonly EntityType[];
  /** What the code needs to find applied, at start-up and for /readyz; they are run by the program `migrate`, not here. */
  migrations: readonly MigrationClass[];
  /** Connections for the service's own work; the relay has one more. Default 10. */
  poolSize?: number;
  /** `none`: facts stay in the outbox (tools, tests). Default `jetstream`, which needs MessagingModule in the app. */
  publisher?: 'jetstream' | 'none';
  relay?: OutboxRelayOptions;
}

const log = logger('persistence');
const OPTIONS = Symbol('strowger.persistence-options');

@Injectable()
class PersistenceLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  constructor(
    @Inject(OPTIONS) private readonly options: PersistenceModuleOptions,
    private readonly orm: MikroORM,
    private readonly db: Db,
    private readonly relay: OutboxRelay,
    private readonly modules: ModuleRef,
    @Optional() health?: Health,
  ) {
    // A service without its database answers nothing. Without stream or Redis it does: both are caught up with later.
    health?.add('database', () => db.check());
  }

  onApplicationBootstrap(): void {
    this.db.check().catch((error: unknown) => {
      if (error instanceof SchemaBehind) log.error(error.details, error.code);
    });
    if (this.options.publisher === 'none') return;
    const messaging = this.modules.get(Messaging, { strict: false });
    messaging.onConnected(this.relay.kick);
    messaging.addIdleSource({ name: 'outbox', idle: async () => (await this.relay.unpublished()) === 0 });
    this.relay.start();
  }

  /** What the last requests committed goes out with us, if the stream is there; else the next process sends it. */
  async beforeApplicationShutdown(): Promise<void> {
    if (this.options.publisher === 'none') return;
    await Promise.race([this.relay.drainOnce().catch(() => undefined), delay(2000, undefined, { ref: false })]);
  }

  async onApplicationShutdown(): Promise<void> {
    // A statement that hangs must not hang the shutdown with it; the process ends its connections.
    const closed = this.relay.stop().then(() => this.orm.close());
    await Promise.race([closed, delay(5000, undefined, { ref: false })]);
  }
}

/**
 * Global. Provides MikroORM, Db, Outbox, OutboxRelay and messaging's INBOX; closes them on shutdown. The service is ready
 * while its database answers and has every migration the code needs.
 */
@Global()
@Module({})
export class PersistenceModule {
  static forRoot(options: PersistenceModuleOptions): DynamicModule {
    const { service, databaseUrl, entities, poolSize = 10, publisher = 'jetstream' } = options;
    return {
      module: PersistenceModule,
      providers: [
        { provide: OPTIONS, useValue: options },
        {
          provide: MikroORM,
          useFactory: () =>
            openOrm({ service, databaseUrl, poolSize: poolSize + 1, entities: [...entities, OutboxRow] }),
        },
        {
          provide: Db,
          useFactory: (orm: MikroORM) =>
            new Db(
              orm,
              service,
              options.migrations.map(({ name }) => name),
            ),
          inject: [MikroORM],
        },
        {
          provide: OutboxRelay,
          useFactory: (orm: MikroORM, stream: Publisher) => new OutboxRelay(orm, service, stream, options.relay),
          inject: [MikroORM, publisher === 'none' ? OPTIONS : Publisher],
        },
        {
          provide: Outbox,
          useFactory: (db: Db, relay: OutboxRelay) => new Outbox(db, service, relay.kick),
          inject: [Db, OutboxRelay],
        },
        { provide: INBOX, useFactory: (db: Db) => new Inbox(db), inject: [Db] },
        PersistenceLifecycle,
      ],
      exports: [MikroORM, Db, Outbox, OutboxRelay, INBOX],
    };
  }
}
