/** Paper's HTTP API: four calls, and no way to read anything back. */
import { AppError } from '@strowger/kernel';
import type { CarrierAccess, ConnectOptions } from '../../carrier.js';
import {
  CarrierRateLimited,
  CarrierRejected,
  PlatformAccountSuspended,
  PlatformCredentialsRefused,
  PlatformUnavailable,
} from '../../errors.js';
import { CarrierHttp, type HttpAnswer, type HttpCall, retryAfter, TransportFailure } from '../../http.js';
import type { PaperCredentials } from './credentials.js';

export const PAPER = 'Paper';
const REPEATS = 2;

export type Paper = CarrierAccess<PaperCredentials, PaperApi>;
type Call = Pick<HttpCall, 'method'> & { path: string; body?: object; absent?: number };

export class PaperApi {
  private readonly http: CarrierHttp;

  constructor(options: ConnectOptions) {
    this.http = new CarrierHttp(options);
  }

  async read(access: Paper, path: string): Promise<unknown> {
    for (let attempt = 0; ; attempt++)
      try {
        return await this.call(access, { method: 'GET', path });
      } catch (error) {
        if (AppError.wrap(error).kind !== 'unavailable' || attempt === REPEATS) throw error;
        await this.http.pause(attempt);
      }
  }

  /** Never repeated. Undefined for a status of `absent`. */
  write(access: Paper, call: Call): Promise<unknown> {
    return this.call(access, call);
  }

  close(): Promise<void> {
    return this.http.close();
  }

  private async call(access: Paper, { method, path, body, absent }: Call): Promise<unknown> {
    const { account, apiKey, apiSecret, signingKey } = access.credentials;
    const basic = Buffer.from(`${apiKey}:${apiSecret}`).toString('base64');
    const unknown = method === 'GET' ? {} : ({ outcome: 'unknown' } as const);
    let answer: HttpAnswer;
    try {
      answer = await this.http.call({
        method,
        url: `${access.baseUrl.replace(/\/+$/, '')}${path}`,
        headers: { authorization: `Basic ${basic}`, 'content-type': 'application/json' },
        body: body && JSON.stringify(body),
        secrets: { removed: [basic, apiKey, apiSecret, signingKey], masked: [account] },
        onExchange: access.onExchange,
      });
    } catch (error) {
      if (!(error instanceof TransportFailure)) throw error;
      throw new PlatformUnavailable(PAPER, error.code, { cause: error, ...(error.sent ? unknown : {}) });
    }
    if (answer.status === absent) return undefined;
    if (answer.status >= 200 && answer.status < 300) return answer.text === '' ? undefined : jsonOf(answer, unknown);
    throw refusal(answer, unknown);
  }
}

function jsonOf({ text }: HttpAnswer, unknown: { outcome?: 'unknown' }): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new PlatformUnavailable(PAPER, 'unreadable answer', unknown);
  }
}

function refusal(answer: HttpAnswer, unknown: { outcome?: 'unknown' }): AppError {
  const { status } = answer;
  if (status === 401) return new PlatformCredentialsRefused(PAPER, ['apiKey', 'apiSecret']);
  if (status === 403) return new PlatformAccountSuspended(PAPER);
  if (status === 429) return new CarrierRateLimited(PAPER, retryAfter(answer) ?? 60);
  if (status >= 500 || status < 400) return new PlatformUnavailable(PAPER, `HTTP ${status}`, unknown);
  return new CarrierRejected(PAPER, status, textOf(answer, 'reason') ?? textOf(answer, 'error') ?? `HTTP ${status}`);
}

function textOf({ text }: HttpAnswer, name: string): string | undefined {
  try {
    const value: unknown = Reflect.get(Object(JSON.parse(text)), name);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
