import { loadConfig } from '@strowger/config';
import { GatewayConfig } from './config.js';
import { startGateway } from './gateway.js';

await startGateway(loadConfig(GatewayConfig));
