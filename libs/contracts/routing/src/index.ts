export * from './contact-centre.js';
export * from './events.js';
export * from './push.js';
export * from './requests.js';
export * from './views.js';
export * as routingRpc from './rpc.js';
