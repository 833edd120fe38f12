import { loadConfig } from '@strowger/config';
import { startService } from '@strowger/http';
import { AppModule, SERVICE } from './app.module.js';
import { RoutingConfig } from './config.js';

const config = loadConfig(RoutingConfig);
await startService({ name: SERVICE, module: AppModule.forRoot(config), config });
