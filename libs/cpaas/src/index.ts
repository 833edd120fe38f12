export * from './carrier.js';
export { Carriers, CarrierUnknown, type OpenCarrier, type OpenOptions } from './carriers.js';
export {
  accountOf,
  Credential,
  credentialFields,
  type CredentialOptions,
  openCredentials,
  sealCredentials,
  shownCredentials,
} from './credentials.js';
export * from './errors.js';
export * from './exchange/errors.js';
export { messageExchange, type MessageExchangeAccess } from './exchange/index.js';
export * from './exchange/port.js';
export { type CarrierExchange, CarrierHttp, type CarrierHttpOptions, type ExchangeObserver } from './http.js';
export { lookAgain } from './look-again.js';
export { carrierNumber, carrierText } from './number-text.js';
export { carrierOf, carriers } from './registry.js';
