import { ExchangeAmbiguous, ExchangeRateLimited, ExchangeUnauthorized, ExchangeUnavailable } from './errors.js';
import {
  type CarrierHttp,
  type ExchangeObserver,
  type HttpAnswer,
  type HttpCall,
  retryAfter,
  TransportFailure,
} from '../http.js';

export interface ExchangeAccess {
  baseUrl: string;
  token: string;
  onExchange?: ExchangeObserver;
}

export type Json = Record<string, unknown>;

export interface ExchangeCall extends Pick<HttpCall, 'method' | 'headers' | 'body'> {
  /** Below the base URL, with query. */
  path: string;
  /** Changes something, whatever its method: a lost answer is ambiguous, and it is never repeated. */
  write: boolean;
  /** Further tries of a read. */
  repeats: number;
}

/** One call, with errors every profile shares: no answer, 401, 429, redirects and 5xx. Other statuses are the profile's. */
export async function call(
  http: CarrierHttp,
  access: ExchangeAccess,
  { path, write, repeats, ...rest }: ExchangeCall,
): Promise<HttpAnswer> {
  const { baseUrl, token, onExchange } = access;
  const url = `${baseUrl.replace(/\/+$/, '')}${path}`;
  const secrets = { removed: [token], masked: [] };
  for (let attempt = 0; ; attempt++) {
    const last = write || attempt >= repeats;
    try {
      const answer = await http.call({ ...rest, url, secrets, onExchange });
      if (answer.status === 401) throw new ExchangeUnauthorized();
      if (answer.status === 429) throw new ExchangeRateLimited(retryAfter(answer) ?? 60);
      const usable = answer.status < 300 || (answer.status >= 400 && answer.status < 500);
      // A reason is shown verbatim, and some answers quote the request.
      if (usable) return { ...answer, text: answer.text.replaceAll(token, '[removed]') };
      if (last || answer.status < 500) throw new ExchangeUnavailable(`HTTP ${answer.status}`);
    } catch (error) {
      if (!(error instanceof TransportFailure)) throw error;
      if (write && error.sent) throw new ExchangeAmbiguous(error.code, error);
      if (last) throw new ExchangeUnavailable(error.code, error);
    }
    await http.pause(attempt);
  }
}

/** The body as an object, or undefined. */
export function jsonOf({ text }: HttpAnswer): Json | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as Json) : undefined;
  } catch {
    return undefined;
  }
}

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A string, or a number as one; empty counts as absent. */
export const text = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : null;

/** Digits without the North American country code, to compare numbers of any form. */
export const bareDigits = (number: unknown): string => {
  const digits = String(number).replaceAll(/\D/g, '');
  return digits.length === 11 && digits.startsWith('1') ? digits.slice(1) : digits;
};
