/** The twins that are always played, one line each, and their control in one object. */
import { type ControlChannel, overHttp, worldControl } from './control/client.js';
import { exchangeClient } from './exchange/client.js';
import { exchange } from './exchange/index.js';
import { restcommClient } from './restcomm/client.js';
import { restcomm } from './restcomm/index.js';
import type { TwinDefinition } from './twin.js';

export const TWINS: readonly TwinDefinition[] = [restcomm, exchange];

export const twinsControl = (channel: ControlChannel) => ({
  ...worldControl(channel),
  ...restcommClient(channel),
  ...exchangeClient(channel),
});

export type TwinsControl = ReturnType<typeof twinsControl>;

/** For example `twinsClient('http://127.0.0.1:27002')`. Rejects with ControlError. */
export const twinsClient = (baseUrl: string): TwinsControl => twinsControl(overHttp(baseUrl));
