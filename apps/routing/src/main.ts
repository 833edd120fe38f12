import { loadConfig } from '@strowger/config';
import { startService } from '@strowger/http';
import { routingModule } from './app.module.js';
import { RoutingConfig } from './config.js';

const config = loadConfig(RoutingConfig);
await startService({ name: 'routing', module: routingModule(config), config });
