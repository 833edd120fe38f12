export * from './push.js';
export * from './requests.js';
export * from './views.js';
export * as routingRpc from './rpc.js';
