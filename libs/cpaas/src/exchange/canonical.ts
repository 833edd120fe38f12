import {
  ExchangeAlreadyExists,
  ExchangeAmbiguous,
  ExchangeJobNotFound,
  ExchangeRejected,
  ExchangeUnavailable,
} from './errors.js';
import type { CarrierHttp, HttpAnswer } from '../http.js';
import type { EnablementRecord, EnablementState, MessageExchangePort } from './port.js';
import { bareDigits, call, type ExchangeAccess, type ExchangeCall, isObject, type Json, jsonOf, text } from './call.js';

/** Eleven digits, no plus. */
const wire = (e164: string): string => e164.replace(/^\+/, '');

/** Unknown words mean pending, the requirement's "otherwise", with a warning. */
function stateOf(status: unknown): { state: EnablementState; warning?: string } {
  if (status === 'enabled' || status === 'pending' || status === 'failed') return { state: status };
  return { state: 'pending', warning: `Message Exchange gave the unknown status '${String(status).slice(0, 64)}'.` };
}

/** The profile of carrier-message-exchange §5. */
export function canonicalExchange(http: CarrierHttp, access: ExchangeAccess): MessageExchangePort {
  const request = (method: ExchangeCall['method'], path: string, body?: unknown): Promise<HttpAnswer> =>
    call(http, access, {
      method,
      path,
      headers: {
        authorization: `Bearer ${access.token}`,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      write: method !== 'GET',
      repeats: 2,
    });

  async function lookup(number: string): Promise<EnablementRecord | null> {
    const answer = await request('GET', `/v1/numbers/${encodeURIComponent(wire(number))}`);
    if (answer.status === 404) return null;
    const body = bodyOf(answer);
    const { state, warning } = stateOf(body['status']);
    return {
      number,
      state,
      jobId: text(body['jobId']),
      reason: state === 'failed' ? (text(body['failureReason']) ?? 'No reason given') : null,
      updatedAt: text(body['updatedAt']),
      ...(warning ? { warning } : {}),
    };
  }

  async function readJob(jobId: string, number: string): Promise<EnablementRecord> {
    const answer = await request('GET', `/v1/jobs/${encodeURIComponent(jobId)}`);
    if (answer.status === 404) throw new ExchangeJobNotFound(jobId);
    const body = bodyOf(answer);
    const rows = Array.isArray(body['numbers']) ? body['numbers'].filter(isObject) : [];
    const own = rows.find((row) => bareDigits(row['number']) === bareDigits(number));
    const updatedAt = text(body['completedAt']) ?? text(body['submittedAt']);
    // A completed job may hold a failed number, so the number's own status wins.
    const status = own ? own['status'] : body['status'] === 'completed' ? 'enabled' : body['status'];
    const { state, warning } = stateOf(status);
    const reason = (own && text(own['failureReason'])) ?? text(body['failureReason']) ?? 'No reason given';
    return {
      number,
      state,
      jobId,
      reason: state === 'failed' ? reason : null,
      updatedAt,
      ...(warning ? { warning } : {}),
    };
  }

  return {
    profile: 'canonical',
    lookup,
    async add(number) {
      const answer = await request('POST', '/v1/numbers', { numbers: [wire(number)], enableSms: true });
      if (answer.status >= 400) throw refusal(answer);
      const body = jsonOf(answer);
      // Taken, but the answer does not say under which job.
      if (!body) throw new ExchangeAmbiguous('unreadable answer');
      const rejected = Array.isArray(body['rejected']) ? body['rejected'].filter(isObject) : [];
      const own = rejected.find((row) => bareDigits(row['number']) === bareDigits(number));
      if (own) throw new ExchangeRejected(text(own['reason']) ?? 'No reason given', { status: answer.status });
      return { jobId: text(body['jobId']), state: 'pending' };
    },
    async job(jobId, number) {
      try {
        return await readJob(jobId, number);
      } catch (error) {
        if (!(error instanceof ExchangeJobNotFound)) throw error;
        const record = await lookup(number);
        return record ?? { number, state: 'failed', jobId, reason: 'Job not found', updatedAt: null };
      }
    },
    async remove(number) {
      const answer = await request('DELETE', `/v1/numbers/${encodeURIComponent(wire(number))}`);
      if (answer.status >= 400 && answer.status !== 404) throw refusal(answer);
    },
    async verifyToken() {
      bodyOf(await request('GET', '/v1/account'), true);
    },
  };
}

/** The JSON of a good answer to a read. */
function bodyOf(answer: HttpAnswer, emptyAllowed = false): Json {
  if (answer.status >= 400) throw refusal(answer);
  const body = jsonOf(answer);
  if (!body && !emptyAllowed) throw new ExchangeUnavailable('unreadable answer');
  return body ?? {};
}

/** A definite no, in the exchange's own words. */
function refusal(answer: HttpAnswer): Error {
  const error = jsonOf(answer)?.['error'];
  const code = isObject(error) ? text(error['code']) : null;
  const reason = (isObject(error) ? text(error['message']) : text(error)) ?? code ?? `HTTP ${answer.status}`;
  if (answer.status === 409) return new ExchangeAlreadyExists(reason);
  return new ExchangeRejected(reason, { status: answer.status, ...(code ? { exchangeCode: code } : {}) });
}
