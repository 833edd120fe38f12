import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Module,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { Db } from '@strowger/persistence';
import { SagaRunner, type SagaRunnerOptions } from './runner.js';

class SagaLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(private readonly runner: SagaRunner) {}
  onApplicationBootstrap(): Promise<void> {
    return this.runner.open();
  }
  beforeApplicationShutdown(): Promise<void> {
    return this.runner.close();
  }
}

/** Provides SagaRunner everywhere; needs PersistenceModule. Features register their definitions in a constructor or `onModuleInit`. */
@Module({})
export class SagaModule {
  static forRoot(options: SagaRunnerOptions): DynamicModule {
    return {
      module: SagaModule,
      global: true,
      providers: [
        { provide: SagaRunner, inject: [Db], useFactory: (db: Db) => new SagaRunner(db, options) },
        { provide: SagaLifecycle, inject: [SagaRunner], useFactory: (runner: SagaRunner) => new SagaLifecycle(runner) },
      ],
      exports: [SagaRunner],
    };
  }
}
