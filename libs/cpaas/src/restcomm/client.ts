import { PlatformUnavailable } from '../errors.js';
import { type CarrierHttp, type HttpAnswer, type HttpCall, TransportFailure } from '../http.js';
import type { RestcommAccess } from './access.js';
import { errorOf, RESTCOMM } from './answers.js';

export type Json = Record<string, unknown>;
type Query = Record<string, string | number>;

/** Repeats of a read: 500 is how this carrier answers several harmless races (carrier-restcomm §3.1, §8). */
const READ_REPEATS = 2;

/** Calls below `/Accounts/{sid}` with what every Restcomm request needs; errors come out as AppErrors. */
export class RestcommClient {
  constructor(private readonly http: CarrierHttp) {}

  /** JSON of a 200; undefined for any status in `absent`. */
  async read(
    access: RestcommAccess,
    path: string,
    query: Query = {},
    absent: readonly number[] = [],
  ): Promise<unknown> {
    const call = prepare(access, 'GET', path, { query });
    for (let attempt = 0; ; attempt++) {
      const last = attempt === READ_REPEATS;
      try {
        const answer = await this.http.call(call);
        if (absent.includes(answer.status)) return undefined;
        if (isOk(answer)) return json(answer, false);
        if (last || ![500, 502, 503, 504].includes(answer.status)) throw refusal(call, answer, false);
      } catch (error) {
        if (!(error instanceof TransportFailure)) throw error;
        if (last) throw new PlatformUnavailable(RESTCOMM, error.code, { cause: error });
      }
      await this.http.pause(attempt);
    }
  }

  /** JSON of a 200; undefined for any status in `absent`. Never repeated. */
  async write(
    access: RestcommAccess,
    path: string,
    form: URLSearchParams,
    absent: readonly number[] = [],
  ): Promise<Json | undefined> {
    const call = prepare(access, 'POST', path, { form });
    const answer = await this.once(call);
    if (absent.includes(answer.status)) return undefined;
    if (!isOk(answer)) throw refusal(call, answer, true);
    return json(answer, true) as Json;
  }

  /** Source and documents say 204, others have seen 200; 404 is done as well. */
  async remove(access: RestcommAccess, path: string): Promise<void> {
    const call = prepare(access, 'DELETE', path, {});
    const answer = await this.once(call);
    if (!isOk(answer) && answer.status !== 404) throw refusal(call, answer, true);
  }

  private async once(call: HttpCall): Promise<HttpAnswer> {
    try {
      return await this.http.call(call);
    } catch (error) {
      if (!(error instanceof TransportFailure)) throw error;
      throw new PlatformUnavailable(RESTCOMM, error.code, {
        cause: error,
        ...(error.sent ? { outcome: 'unknown' } : {}),
      });
    }
  }
}

const isOk = ({ status }: HttpAnswer): boolean => status >= 200 && status < 300;

/** A reason is shown and stored verbatim, and some answers quote the request with its credentials. */
function refusal({ secrets }: HttpCall, answer: HttpAnswer, write: boolean): Error {
  const text = secrets.removed.reduce((said, secret) => said.replaceAll(secret, '[removed]'), answer.text);
  return errorOf({ ...answer, text }, { write });
}

/** Both the suffix and the header, for either alone is ignored by some release (carrier-restcomm §1.3). */
function prepare(
  access: RestcommAccess,
  method: HttpCall['method'],
  path: string,
  { query = {}, form }: { query?: Query; form?: URLSearchParams },
): HttpCall {
  const { baseUrl, accountSid, authToken, onExchange } = access;
  const search = new URLSearchParams(
    Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
  ).toString();
  const credentials = Buffer.from(`${accountSid}:${authToken}`).toString('base64');
  return {
    method,
    url: `${baseUrl.replace(/\/+$/, '')}/Accounts/${encodeURIComponent(accountSid)}/${path}.json${search ? `?${search}` : ''}`,
    headers: {
      authorization: `Basic ${credentials}`,
      accept: 'application/json',
      ...(form ? { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' } : {}),
    },
    body: form?.toString(),
    secrets: { removed: [authToken, credentials], masked: [accountSid] },
    onExchange,
  };
}

/** A 200 that is not JSON is a proxy or a portal speaking; after a write nobody knows what was done. */
function json(answer: HttpAnswer, write: boolean): unknown {
  try {
    const parsed: unknown = JSON.parse(answer.text);
    if (typeof parsed === 'object' && parsed !== null && !(write && Array.isArray(parsed))) return parsed;
  } catch {
    // Answered below, the same as JSON of the wrong shape.
  }
  throw new PlatformUnavailable(RESTCOMM, 'unreadable answer', write ? { outcome: 'unknown' } : {});
}

export const str = (row: Json, key: string): string | undefined => {
  const value = row[key];
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined;
};

export const PAGE_SIZE = 50;
/** More pages than any account has; a guard against a server that never ends. */
const MOST_PAGES = 2000;

/**
 * Rows of a list, page by page. The envelope's own paging fields are wrong in several ways (carrier-restcomm §3.1), so
 * pages are counted here: the end is a short page, or 400 beyond the last.
 */
export async function* pages(
  client: RestcommClient,
  access: RestcommAccess,
  path: string,
  key: string,
  query: Query,
): AsyncGenerator<Json[]> {
  for (let page = 0; page < MOST_PAGES; page++) {
    const body = await client.read(
      access,
      path,
      { ...query, Page: page, PageSize: PAGE_SIZE },
      page === 0 ? [] : [400],
    );
    if (body === undefined) return;
    const bare = Array.isArray(body);
    const rows: unknown = bare ? body : (body as Json)[key];
    if (!Array.isArray(rows)) throw new PlatformUnavailable(RESTCOMM, 'unreadable answer');
    yield rows.filter((row): row is Json => typeof row === 'object' && row !== null);
    // Older releases answer with a bare array that knows no pages.
    if (bare || rows.length < PAGE_SIZE) return;
  }
}
