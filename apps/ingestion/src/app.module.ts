import { Module } from '@nestjs/common';
import { NatsLink } from '@strowger/rpc';
import { Health } from '@strowger/telemetry';
import { IngestionConfig } from './config.js';
import { Ingestion } from './ingestion.js';

@Module({
  providers: [{ provide: Ingestion, useFactory: Ingestion.open, inject: [IngestionConfig, NatsLink, Health] }],
})
export class AppModule {}
