import type { CapabilityManifest, PlatformKind } from './port.js';

const restcomm: CapabilityManifest = {
  kind: 'restcomm',
  label: 'Restcomm',
  verifiesCredentials: true,
  findsNumber: true,
  configuresInbound: true,
  ordersNumbers: false,
  sms: true,
  // The open source has none, and the cloud's beta is not documented well enough to build on (carrier-restcomm §5).
  mms: false,
  whatsapp: false,
  deliveryReceipts: true,
  groupMms: false,
  signature: 'none',
  bodyLimitBytes: 64 * 1024,
  longMessages: ['split', 'passthrough', 'reject'],
  rate: { perSecond: 5, concurrentWrites: 2 },
  fields: [
    {
      name: 'account',
      label: 'Account SID',
      secret: false,
      optional: false,
      pattern: '^AC[0-9a-f]{32}$',
      hint: 'AC and 32 hexadecimal characters, from the Restcomm portal.',
    },
    { name: 'secret', label: 'Auth Token', secret: true, optional: false, hint: 'From the Restcomm portal.' },
    {
      name: 'messageExchangeToken',
      label: 'Message Exchange Token',
      secret: true,
      optional: true,
      hint: 'With it, adding a number also SMS-enables it with the mobile carrier.',
    },
    {
      name: 'messageExchangeProfile',
      label: 'Message Exchange profile',
      secret: false,
      optional: true,
      choices: ['canonical', 'teleapi'],
    },
  ],
};

/** What each carrier can do. */
export const MANIFESTS: Readonly<Record<PlatformKind, CapabilityManifest>> = { restcomm };
export const manifestOf = (kind: PlatformKind): CapabilityManifest => MANIFESTS[kind];
