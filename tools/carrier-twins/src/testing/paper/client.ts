/** The typed client of `/control/paper/…`: `paperClient(twins.control)`. Numbers may be written with a plus. */
import { type ControlChannel, found, query, segment } from '../../control/client.js';
import type { MessageFilter, ReceiptInput } from './control.js';
import type { DeliveryResult, InboundInput } from './hooks.js';
import { type Account, type HeldNumber, KIND, type Message, type PaperSwitches } from './types.js';

const BASE = `/${KIND}`;

export const paperClient = ({ call }: ControlChannel) => ({
  /** Creates an account with new secrets, or changes what is given of the one named. */
  putAccount: (account: Partial<Account> = {}) => call<Account>('POST', `${BASE}/accounts`, account),
  account: (account: string) => found(call<Account>('GET', `${BASE}/accounts/${segment(account)}`)),
  /** Webhooks are signed under a new key from now on. */
  rotateSigningKey: (account: string) => call<Account>('POST', `${BASE}/accounts/${segment(account)}/signing-key`),
  numbers: () => call<HeldNumber[]>('GET', `${BASE}/numbers`),
  /** Another customer of the carrier has the number. */
  holdElsewhere: (number: string) => call<void>('PUT', `${BASE}/held-elsewhere/${segment(number)}`),
  releaseElsewhere: (number: string) => call<void>('DELETE', `${BASE}/held-elsewhere/${segment(number)}`),
  /** Newest first. */
  messages: (filter: MessageFilter = {}) => call<Message[]>('GET', `${BASE}/messages${query(filter)}`),
  /** Resolves when the attempts are over. */
  inbound: (message: InboundInput) => call<DeliveryResult>('POST', `${BASE}/inbound`, message),
  receipt: (receipt: ReceiptInput) => call<DeliveryResult>('POST', `${BASE}/receipts`, receipt),
  state: () =>
    call<{ accounts: number; numbers: number; messages: number; receiptsWaiting: number }>('GET', `${BASE}/state`),
  switches: (change?: Partial<PaperSwitches>) =>
    change ? call<PaperSwitches>('PUT', `${BASE}/switches`, change) : call<PaperSwitches>('GET', `${BASE}/switches`),
});

export type PaperControl = ReturnType<typeof paperClient>;
