/** Restcomm: numbers bound to an application, texts over REST, webhooks without a signature. */
import { defineCarrier } from '../carrier.js';
import { exchangeOf } from '../exchange/port.js';
import { accessOf, restcomm as connect, type RestcommApi } from './adapter.js';
import { RestcommCredentials } from './credentials.js';
import { restcommHook } from './hook.js';
import { restcommProvisioning } from './provisioning.js';
import { restcommReceipt } from './receipts.js';

export const restcomm = defineCarrier<RestcommCredentials, RestcommApi>({
  manifest: {
    kind: 'restcomm',
    label: 'Restcomm',
    // The open source has none, and the cloud's beta is not documented well enough to build on (carrier-restcomm §5).
    mms: false,
    whatsapp: false,
    longMessages: 'split',
    ratePerSecond: 10,
  },
  credentials: RestcommCredentials,
  exchange: exchangeOf,
  connect,
  verify: (access) => access.api.verify(accessOf(access)),
  hook: restcommHook,
  receipts: restcommReceipt,
  provisioning: restcommProvisioning,
  messages: {
    send: (access, request) => access.api.sendMessage(accessOf(access), request),
    probe: (access, probe) => access.api.findSentMessage(accessOf(access), probe),
    read: (access, id) => access.api.readMessage(accessOf(access), id),
    listInbound: (access, span, known) => access.api.listInbound(accessOf(access), span, known),
  },
});
