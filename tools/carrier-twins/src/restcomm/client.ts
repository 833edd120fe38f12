/** The typed client of `/control/restcomm/…`. Numbers may be written in any form. */
import type { BatchInput, BatchResult } from '../control/batch.js';
import { type ControlChannel, found, query, segment } from '../control/client.js';
import type {
  AccountInput,
  AccountView,
  ApplicationInput,
  MessageFilter,
  MessageView,
  NumberInput,
  RestcommState,
} from './control.js';
import type { InboundInput, InboundResult } from './inbound.js';
import type { RestcommSwitches } from './switches.js';
import { type Application, KIND, type NumberRow } from './types.js';

const BASE = `/${KIND}`;
const applicationPath = (accountSid: string, name: string): string =>
  `${BASE}/accounts/${segment(accountSid)}/applications/${segment(name)}`;

export const restcommClient = ({ call }: ControlChannel) => ({
  putAccount: (account: AccountInput) => call<AccountView>('POST', `${BASE}/accounts`, account),
  account: (sid: string) => found(call<AccountView>('GET', `${BASE}/accounts/${segment(sid)}`)),
  /** Changes the application of this name, or creates it. */
  putApplication: (accountSid: string, name: string, application: ApplicationInput) =>
    call<Application>('PUT', applicationPath(accountSid, name), application),
  deleteApplication: (accountSid: string, name: string) => call<void>('DELETE', applicationPath(accountSid, name)),
  /** Resolves when the webhook attempts are over. */
  inbound: (message: InboundInput) => call<InboundResult>('POST', `${BASE}/inbound`, message),
  inboundBatch: (batch: BatchInput) => call<BatchResult>('POST', `${BASE}/inbound/batch`, batch),
  state: () => call<RestcommState>('GET', `${BASE}/state`),
  putNumber: (number: NumberInput) => call<NumberRow>('POST', `${BASE}/numbers`, number),
  numbers: (filter: { accountSid?: string; phone?: string } = {}) =>
    call<NumberRow[]>('GET', `${BASE}/numbers${query(filter)}`),
  messages: (filter: MessageFilter = {}) => call<MessageView[]>('GET', `${BASE}/messages${query(filter)}`),
  switches: (change?: Partial<RestcommSwitches>) =>
    change
      ? call<RestcommSwitches>('PUT', `${BASE}/switches`, change)
      : call<RestcommSwitches>('GET', `${BASE}/switches`),
});
