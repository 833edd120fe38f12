export * from './events.js';
export * from './hook-endpoint.js';
export * from './platform-kinds.js';
export * from './requests.js';
export * from './views.js';
export * as provisioningRpc from './rpc.js';
