export * from './errors.js';
export { messageExchange, type MessageExchangeAccess } from './exchange/index.js';
export { parseHook } from './hooks.js';
export { CarrierHttp, type CarrierHttpOptions } from './http.js';
export { MANIFESTS, manifestOf } from './manifests.js';
export * from './port.js';
export { type ClosableCarrier, restcomm, type RestcommOptions } from './restcomm/adapter.js';
export { DEFAULT_APPLICATION } from './restcomm/applications.js';
export { carrierNumber } from './restcomm/number-text.js';
