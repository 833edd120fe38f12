import { CarrierHttp, type ExchangeObserver } from '../http.js';
import { canonicalExchange } from './canonical.js';
import type { MessageExchangePort, MessageExchangeProfile } from './port.js';
import { teleapiExchange } from './teleapi.js';

export interface MessageExchangeAccess {
  profile: MessageExchangeProfile;
  /** From the installation's allowed list. */
  baseUrl: string;
  token: string;
  onExchange?: ExchangeObserver;
}

let shared: CarrierHttp | undefined;

/** The exchange of one platform. Cheap to make: connections are shared, unless `http` brings its own. */
export function messageExchange(
  { profile, ...access }: MessageExchangeAccess,
  http?: CarrierHttp,
): MessageExchangePort {
  const transport = http ?? (shared ??= new CarrierHttp());
  return profile === 'teleapi' ? teleapiExchange(transport, access) : canonicalExchange(transport, access);
}
