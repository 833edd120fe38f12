import { loadConfig } from '@strowger/config';
import { startService } from '@strowger/http';
import { AppModule, SERVICE } from './app.module.js';
import { ProvisioningConfig } from './config.js';

const config = loadConfig(ProvisioningConfig);
await startService({ name: SERVICE, module: AppModule.forRoot(config), config });
