import { loadConfig } from '@strowger/config';
import { IngestionConfig } from './config.js';
import { startIngestion } from './service.js';

await startIngestion(loadConfig(IngestionConfig));
