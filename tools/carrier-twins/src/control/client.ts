import type { ClockView } from '../clock.js';
import type { JobView } from '../exchange/book.js';
import type { Fault, FaultInput } from '../faults.js';
import type { JournalEntry, JournalFilter } from '../journal.js';
import type { InboundInput, InboundResult } from '../restcomm/inbound.js';
import type { Application, NumberRow } from '../restcomm/types.js';
import type { Switches } from '../switches.js';
import type { WebhookLogEntry } from '../webhooks.js';
import {
  type AccountInput,
  type AccountView,
  type ApplicationInput,
  type BatchInput,
  type BatchResult,
  ControlError,
  type ExchangeNumberView,
  type MessageFilter,
  type MessageView,
  type NumberInput,
  type StateView,
  type TwinsControl,
} from './api.js';

const segment = encodeURIComponent;

/** The control API over HTTP: `new TwinsClient('http://127.0.0.1:27002')`. Rejects with ControlError. */
export class TwinsClient implements TwinsControl {
  constructor(private readonly baseUrl: string) {}

  putAccount(account: AccountInput): Promise<AccountView> {
    return this.call('POST', '/accounts', account);
  }

  account(sid: string): Promise<AccountView | undefined> {
    return this.find(`/accounts/${segment(sid)}`);
  }

  putApplication(accountSid: string, name: string, application: ApplicationInput): Promise<Application> {
    return this.call('PUT', `/accounts/${segment(accountSid)}/applications/${segment(name)}`, application);
  }

  async deleteApplication(accountSid: string, name: string): Promise<void> {
    await this.call('DELETE', `/accounts/${segment(accountSid)}/applications/${segment(name)}`);
  }

  addFault(fault: FaultInput): Promise<Fault> {
    return this.call('POST', '/faults', fault);
  }

  faults(): Promise<Fault[]> {
    return this.call('GET', '/faults');
  }

  async clearFaults(id?: string): Promise<void> {
    await this.call('DELETE', id === undefined ? '/faults' : `/faults/${segment(id)}`);
  }

  inbound(message: InboundInput): Promise<InboundResult> {
    return this.call('POST', '/inbound', message);
  }

  inboundBatch(batch: BatchInput): Promise<BatchResult> {
    return this.call('POST', '/inbound/batch', batch);
  }

  clock(change?: { advanceMs?: number; freeze?: boolean }): Promise<ClockView> {
    return change ? this.call('POST', '/clock', change) : this.call('GET', '/clock');
  }

  state(): Promise<StateView> {
    return this.call('GET', '/state');
  }

  putNumber(number: NumberInput): Promise<NumberRow> {
    return this.call('POST', '/numbers', number);
  }

  numbers(filter: { accountSid?: string; phone?: string } = {}): Promise<NumberRow[]> {
    return this.call('GET', `/numbers${query(filter)}`);
  }

  messages(filter: MessageFilter = {}): Promise<MessageView[]> {
    return this.call('GET', `/messages${query(filter)}`);
  }

  requests(filter: JournalFilter = {}): Promise<JournalEntry[]> {
    return this.call('GET', `/requests${query(filter)}`);
  }

  webhooks(filter: { limit?: number; messageSid?: string } = {}): Promise<WebhookLogEntry[]> {
    return this.call('GET', `/webhooks${query(filter)}`);
  }

  exchangeNumber(number: string, accountSid?: string): Promise<ExchangeNumberView | undefined> {
    return this.find(`/exchange/numbers/${segment(number)}${query({ accountSid })}`);
  }

  async setExchangeNumber(
    number: string,
    state: Parameters<TwinsControl['setExchangeNumber']>[1],
  ): Promise<ExchangeNumberView | undefined> {
    return this.call('POST', `/exchange/numbers/${segment(number)}`, state);
  }

  setExchangeJob(jobId: string, state: Parameters<TwinsControl['setExchangeJob']>[1]): Promise<JobView> {
    return this.call('POST', `/exchange/jobs/${segment(jobId)}`, state);
  }

  switches(change?: Partial<Switches>): Promise<Switches> {
    return change ? this.call('PUT', '/switches', change) : this.call('GET', '/switches');
  }

  async reset(): Promise<void> {
    await this.call('POST', '/reset', {});
  }

  private async find<T>(path: string): Promise<T | undefined> {
    try {
      return await this.call<T>('GET', path);
    } catch (error) {
      if (error instanceof ControlError && error.status === 404) return undefined;
      throw error;
    }
  }

  private async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.baseUrl}/control${path}`, {
      method,
      headers: body === undefined ? undefined : { 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const answer = await response.text();
    if (response.ok) return (answer === '' ? undefined : JSON.parse(answer)) as T;
    const { error } = JSON.parse(answer || '{}') as { error?: string };
    throw new ControlError(response.status === 404 ? 404 : 400, error ?? `HTTP ${response.status}`);
  }
}

function query(filter: object): string {
  const entries = Object.entries(filter).filter(([, value]) => value !== undefined);
  return entries.length === 0
    ? ''
    : `?${new URLSearchParams(entries.map(([name, value]): [string, string] => [name, String(value)]))}`;
}
