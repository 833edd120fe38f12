import { loadConfig } from '@strowger/config';
import { startService } from '@strowger/http';
import { provisioningModule, SERVICE } from './app.module.js';
import { ProvisioningConfig } from './config.js';

const config = loadConfig(ProvisioningConfig);
await startService({ name: SERVICE, module: provisioningModule(config), config, rpc: true });
