/** The typed client of `/control/message-exchange/…`. Numbers may be written in any form. */
import { type ControlChannel, found, query, segment } from '../control/client.js';
import { type ExchangeSwitches, type JobView, KIND } from './book.js';
import type { ExchangeJobInput, ExchangeNumberInput, ExchangeNumberView } from './control.js';

const BASE = `/${KIND}`;

export const exchangeClient = ({ call }: ControlChannel) => ({
  /** Without an account: of any that holds it. Does not act out a scenario. */
  exchangeNumber: (number: string, accountSid?: string) =>
    found(call<ExchangeNumberView>('GET', `${BASE}/numbers/${segment(number)}${query({ accountSid })}`)),
  setExchangeNumber: (number: string, state: ExchangeNumberInput) =>
    call<ExchangeNumberView | undefined>('POST', `${BASE}/numbers/${segment(number)}`, state),
  setExchangeJob: (jobId: string, state: ExchangeJobInput) =>
    call<JobView>('POST', `${BASE}/jobs/${segment(jobId)}`, state),
  exchangeSwitches: (change: Partial<ExchangeSwitches>) => call<ExchangeSwitches>('PUT', `${BASE}/switches`, change),
});
