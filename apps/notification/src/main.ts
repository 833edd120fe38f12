import { loadConfig } from '@strowger/config';
import { startService } from '@strowger/http';
import { notificationModule } from './app.module.js';
import { NotificationConfig } from './config.js';

const config = loadConfig(NotificationConfig);
await startService({ name: 'notification', module: notificationModule(config), config, rpc: true });
