/** The control of the twins that are always played, in one object: what concerns all of them, Restcomm and Message Exchange. */
import { type ControlChannel, overHttp, worldControl } from './control/client.js';
import { exchangeClient } from './exchange/client.js';
import { restcommClient } from './restcomm/client.js';

export const twinsControl = (channel: ControlChannel) => ({
  ...worldControl(channel),
  ...restcommClient(channel),
  ...exchangeClient(channel),
});

export type TwinsControl = ReturnType<typeof twinsControl>;

/** For example `twinsClient('http://127.0.0.1:27002')`. Rejects with ControlError. */
export const twinsClient = (baseUrl: string): TwinsControl => twinsControl(overHttp(baseUrl));
