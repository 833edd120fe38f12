import { type RunningService, startService } from '@strowger/http';
import { AppModule } from './app.module.js';
import type { IngestionConfig } from './config.js';
import { hookRoutes } from './hooks/hook-routes.js';
import { Ingestion } from './ingestion.js';

/** The whole service in this process. */
export const startIngestion = (config: Readonly<IngestionConfig>): Promise<RunningService> =>
  startService({
    name: 'ingestion',
    module: AppModule,
    config,
    http: {
      port: config.port,
      host: config.host,
      bodyLimitBytes: config.bodyLimitBytes,
      helmet: false,
      configure: async (fastify, app) => {
        const ingestion = app.get(Ingestion);
        await fastify.register(
          hookRoutes(ingestion.endpoints, ingestion.journal, {
            bodyLimitBytes: config.bodyLimitBytes,
            maxEventBytes: () => ingestion.maxEventBytes,
          }),
        );
      },
    },
  });
