/** The control API's typed client: the same over HTTP and in the process that plays the twins. */
import type { ClockView } from '../clock.js';
import type { Fault, FaultInput } from '../faults.js';
import type { JournalEntry, JournalFilter } from '../journal.js';
import type { WebhookLogEntry } from '../webhooks.js';
import type { World } from '../world.js';
import { type ClockChange, controlAnswer, type WorldState } from './routes.js';
import { ControlError } from './table.js';

/** Reaches the control API. `path` is what follows `/control`; rejects with ControlError. */
export interface ControlChannel {
  call<T>(method: string, path: string, body?: object): Promise<T>;
}

export const inProcess = (world: World): ControlChannel => ({
  call: async <T>(method: string, path: string, body?: object) =>
    (await controlAnswer(world, method, path.slice(1), body)) as T,
});

/** For example `overHttp('http://127.0.0.1:27002')`. */
export const overHttp = (baseUrl: string): ControlChannel => ({
  call: async <T>(method: string, path: string, body?: object) => {
    const response = await fetch(`${baseUrl}/control${path}`, {
      method,
      headers: body === undefined ? undefined : { 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const answer = await response.text();
    if (response.ok) return (answer === '' ? undefined : JSON.parse(answer)) as T;
    const { error } = JSON.parse(answer || '{}') as { error?: string };
    throw new ControlError(response.status === 404 ? 404 : 400, error ?? `HTTP ${response.status}`);
  },
});

/** What concerns every twin. Numbers may be written in any form. */
export const worldControl = (channel: ControlChannel) => ({
  /** For the control client of one twin. */
  call: channel.call,
  overview: () => channel.call<WorldState>('GET', '/state'),
  addFault: (fault: FaultInput) => channel.call<Fault>('POST', '/faults', fault),
  faults: () => channel.call<Fault[]>('GET', '/faults'),
  /** One, or all. */
  clearFaults: (id?: string) => channel.call<void>('DELETE', id === undefined ? '/faults' : `/faults/${segment(id)}`),
  clock: (change?: ClockChange) =>
    change ? channel.call<ClockView>('POST', '/clock', change) : channel.call<ClockView>('GET', '/clock'),
  requests: (filter: JournalFilter = {}) => channel.call<JournalEntry[]>('GET', `/requests${query(filter)}`),
  webhooks: (filter: { limit?: number; messageSid?: string } = {}) =>
    channel.call<WebhookLogEntry[]>('GET', `/webhooks${query(filter)}`),
  reset: () => channel.call<void>('POST', '/reset'),
});

export const segment = encodeURIComponent;

export function query(filter: object): string {
  const entries = Object.entries(filter).filter(([, value]) => value !== undefined);
  return entries.length === 0
    ? ''
    : `?${new URLSearchParams(entries.map(([name, value]): [string, string] => [name, String(value)]))}`;
}

/** Undefined where the answer is that there is no such thing. */
export async function found<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ControlError && error.status === 404) return undefined;
    throw error;
  }
}
