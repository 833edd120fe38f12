import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Global,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { DiscoveryModule, DiscoveryService, MetadataScanner } from '@nestjs/core';
import { type JobDefinition, type JobHandler, processedBy } from './definition.js';
import { Jobs, type JobsOptions } from './jobs.js';
import { Timers } from './timers.js';

class JobsLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  constructor(
    private readonly jobs: Jobs,
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly works: boolean,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (!this.works) return;
    try {
      this.jobs.work(this.handlers());
    } catch (error) {
      // Start-up ends here; an open connection would keep the process alive.
      await this.jobs.disconnect();
      throw error;
    }
  }
  beforeApplicationShutdown(): Promise<void> {
    return this.jobs.close();
  }
  onApplicationShutdown(): Promise<void> {
    return this.jobs.disconnect();
  }

  private handlers(): [JobDefinition, JobHandler<object>][] {
    const instances = new Set(this.discovery.getProviders().map(({ instance }) => instance as unknown));
    const found: [JobDefinition, JobHandler<object>][] = [];
    for (const instance of instances) {
      if (typeof instance !== 'object' || instance === null) continue;
      const methods = instance as Record<string, unknown>;
      for (const name of this.scanner.getAllMethodNames(Object.getPrototypeOf(instance) as object | null)) {
        const method = methods[name];
        const job = typeof method === 'function' ? processedBy(method) : undefined;
        if (job) found.push([job, (method as JobHandler<object>).bind(instance)]);
      }
    }
    return found;
  }
}

/** Timers without Redis. */
@Global()
@Module({ providers: [Timers], exports: [Timers] })
export class TimersModule {}

/** Provides Jobs and Timers everywhere; finds the `@Processes` methods of all providers. */
@Module({})
export class JobsModule {
  static forRoot(options: JobsOptions): DynamicModule {
    return {
      module: JobsModule,
      global: true,
      imports: [DiscoveryModule, TimersModule],
      providers: [
        { provide: Jobs, useFactory: () => new Jobs(options) },
        {
          provide: JobsLifecycle,
          inject: [Jobs, DiscoveryService, MetadataScanner],
          useFactory: (jobs: Jobs, discovery: DiscoveryService, scanner: MetadataScanner) =>
            new JobsLifecycle(jobs, discovery, scanner, options.work ?? true),
        },
      ],
      exports: [Jobs, TimersModule],
    };
  }
}
