import { nationalDigits } from '@strowger/kernel';
import {
  ExchangeAlreadyExists,
  ExchangeAmbiguous,
  ExchangeRateLimited,
  ExchangeRejected,
  ExchangeUnauthorized,
  ExchangeUnavailable,
} from './errors.js';
import type { CarrierHttp } from '../http.js';
import type { EnablementRecord, MessageExchangePort } from './port.js';
import { bareDigits, call, type ExchangeAccess, isObject, type Json, jsonOf, text } from './call.js';

interface Answer {
  body: Json;
  /** The body's own code, which outranks the HTTP status; 200 when it has none. */
  code: number;
  reason: string;
}

const RUNNING = /pend|progress|process|queue|submitted|wait/i;
const yes = (value: unknown): boolean =>
  value === true || ['1', 'yes', 'true', 'enabled'].includes(String(value).toLowerCase());

/**
 * The TeleAPI dialect (carrier-message-exchange §6): everything is a GET with the token in the query, changes included, so
 * nothing is ever repeated; answers are 200 with the truth in the body.
 */
export function teleapiExchange(http: CarrierHttp, access: ExchangeAccess): MessageExchangePort {
  async function get(path: string, query: Record<string, string>, write: boolean): Promise<Answer> {
    const search = new URLSearchParams({ token: access.token, ...query }).toString();
    const headers = { accept: 'application/json', 'cache-control': 'no-store' };
    const answer = await call(http, access, { method: 'GET', path: `${path}?${search}`, headers, write, repeats: 0 });
    const body = jsonOf(answer);
    if (!body) {
      if (answer.status >= 400) throw new ExchangeRejected(`HTTP ${answer.status}`, { status: answer.status });
      throw write ? new ExchangeAmbiguous('unreadable answer') : new ExchangeUnavailable('unreadable answer');
    }
    const said = Number(body['code'] ?? 200);
    const code =
      answer.status >= 400 ? Math.max(answer.status, said) : body['status'] === 'error' ? Math.max(said, 400) : said;
    const reason = words(body['error']) ?? words(body['data']) ?? words(body['message']) ?? `code ${code}`;
    if (code === 401 || code === 403 || (code >= 400 && /\btoken\b/i.test(reason))) throw new ExchangeUnauthorized();
    if (code === 429) throw new ExchangeRateLimited(60);
    return { body, code, reason };
  }

  async function record(number: string): Promise<Json | null> {
    const answer = await get('/user/dids/get', { number: nationalDigits(number) }, false);
    if (answer.code >= 500) throw new ExchangeUnavailable(`code ${answer.code}`);
    return answer.code < 400 && isObject(answer.body['data']) ? answer.body['data'] : null;
  }

  /** Whether the list of all numbers shows this one enabled; asked only when its own record doesn't say. */
  async function listedAsEnabled(number: string): Promise<boolean> {
    const { body } = await get('/user/dids/list', {}, false);
    const rows = Array.isArray(body['data']) ? body['data'].filter(isObject) : [];
    return rows.some((row) => bareDigits(row['number']) === bareDigits(number) && yes(row['sms_enabled']));
  }

  const recordOf = (number: string, state: 'enabled' | 'pending', jobId: string | null): EnablementRecord => ({
    number,
    state,
    jobId: state === 'pending' ? jobId : null,
    reason: null,
    updatedAt: null,
  });

  return {
    profile: 'teleapi',
    async lookup(number, { jobId = null } = {}) {
      const found = await record(number);
      if (!found) return null;
      const shown = found['sms_enabled'];
      if (shown !== undefined && shown !== null) return recordOf(number, yes(shown) ? 'enabled' : 'pending', jobId);
      if (jobId) return recordOf(number, 'pending', jobId);
      return recordOf(number, (await listedAsEnabled(number)) ? 'enabled' : 'pending', null);
    },
    async add(number) {
      const digits = nationalDigits(number);
      const { body, code, reason } = await get(
        '/dids/offnet/submit',
        { numbers: JSON.stringify([digits]), enable_sms: 'yes' },
        true,
      );
      // Failures are keyed by number, inside an answer that is otherwise a success.
      const places = [body, body['data']].filter(isObject);
      const failures = places.flatMap((place) => (isObject(place['fail']) ? Object.entries(place['fail']) : []));
      const own = failures.find(([failed]) => bareDigits(failed) === bareDigits(number));
      const refused = own ? (words(own[1]) ?? 'No reason given') : code >= 400 ? reason : undefined;
      if (refused !== undefined)
        throw /already loaded/i.test(refused) ? new ExchangeAlreadyExists(refused) : new ExchangeRejected(refused);
      const jobId = places.map((place) => text(place['jobid'])).find((id) => id !== null) ?? null;
      return { jobId, state: 'pending' };
    },
    async job(jobId, number) {
      const { body, code, reason } = await get('/dids/offnet/status', { jobid: jobId }, false);
      if (code >= 400) return { number, state: 'failed', jobId: null, reason, updatedAt: null };
      if (body['status'] !== 'success' || RUNNING.test(words(body['data']) ?? ''))
        return recordOf(number, 'pending', jobId);
      // The success may be the query's and not the job's: believed unless the number's record denies it.
      const shown = (await record(number))?.['sms_enabled'];
      const denied = shown !== undefined && shown !== null && !yes(shown);
      return recordOf(number, denied ? 'pending' : 'enabled', jobId);
    },
    async remove(number) {
      const { code, reason } = await get('/user/dids/remove', { did_number: nationalDigits(number) }, true);
      if (code >= 400 && code !== 404 && !/not found/i.test(reason)) throw new ExchangeRejected(reason);
    },
  };
}

/** Text out of what may be a string or an object. */
function words(value: unknown): string | null {
  if (isObject(value))
    return (
      text(value['message']) ?? text(value['error']) ?? text(Object.values(value).find((v) => typeof v === 'string'))
    );
  return text(value);
}
