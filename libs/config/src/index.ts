export { Env, EnvList, EnvLists, Secret } from './env.decorators.js';
export { environment } from './environment.js';
export { ConfigInvalid, loadConfig } from './load-config.js';
export { DEVELOPMENT_KEYRING, DEVELOPMENT_TOKEN_SECRET, IsKeyring, IsUrlList, IsUrlListPerName } from './rules.js';
export { type Mode, ServiceConfig } from './service-config.js';
