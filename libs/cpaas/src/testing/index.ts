export { addCarrier } from '../registry.js';
export { conformsToMessageExchangePort, type ExchangeWorld } from './exchange-kit.js';
export { type CarrierWorld, conformsToCarrierPort, errorOf } from './kit.js';
export { NumberWork } from './number-work.js';
export { paper } from './paper/index.js';
