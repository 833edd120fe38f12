import { Module } from '@nestjs/common';
import { Health, HealthModule } from '@strowger/http';
import { IngestionConfig } from './config.js';
import { Ingestion } from './ingestion.js';

@Module({
  imports: [HealthModule],
  providers: [{ provide: Ingestion, useFactory: Ingestion.open, inject: [IngestionConfig, Health] }],
})
export class AppModule {}
