import {
  CarrierRateLimited,
  CarrierRejected,
  PlatformAccountSuspended,
  PlatformCredentialsRefused,
  PlatformUnavailable,
} from '../errors.js';
import { type HttpAnswer, retryAfter } from '../http.js';

export const RESTCOMM = 'Restcomm';

export interface ErrorBody {
  /** A number such as `21452`, or a name such as `SMS_LIMIT_EXCEEDED`. */
  code?: string;
  message: string;
}

/**
 * Restcomm's error bodies come in six shapes, and neither their content type nor their JSON can be trusted: quotes inside
 * a message are not escaped (carrier-restcomm §1.4).
 */
export function parseErrorBody(text: string): ErrorBody {
  const body = text.trim();
  if (/^\d{5}$/.test(body)) return { code: body, message: `error ${body}` };
  if (body.startsWith('{')) {
    const { message, error } = readJson(body) ?? pickJson(body);
    return { message: plain(message ?? error ?? body), ...(error ? { code: error } : {}) };
  }
  return { message: plain(body) };
}

function readJson(body: string): { message?: string; error?: string } | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    const text = (name: string) => {
      const value: unknown = Reflect.get(Object(parsed), name);
      return typeof value === 'string' ? value : undefined;
    };
    return { message: text('message'), error: text('error') };
  } catch {
    return undefined;
  }
}

/** What can be found in a body that only looks like JSON. */
const pickJson = (body: string): { message?: string; error?: string } => ({
  message: /"message"\s*:\s*"([\s\S]*?)"\s*(?:,\s*"error"|\}\s*$)/.exec(body)?.[1],
  error: /"error"\s*:\s*"([A-Z0-9_]+)"\s*\}\s*$/.exec(body)?.[1],
});

const plain = (text: string): string =>
  text
    .replaceAll(/<(style|script|head)\b[\s\S]*?<\/\1>/gi, ' ')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, 200);

/** The error an answer outside 200–299 means (carrier-restcomm §1.2, §4, §8). */
export function errorOf(answer: HttpAnswer, { write }: { write: boolean }): Error {
  const { status } = answer;
  const body = parseErrorBody(answer.text);
  if (status === 401) return new PlatformCredentialsRefused(RESTCOMM);
  if (status === 429) return new CarrierRateLimited(RESTCOMM, retryAfter(answer) ?? 60, body.message);
  if (status === 403) {
    // The limit is most likely counted per minute.
    if (body.code === 'SMS_LIMIT_EXCEEDED') return new CarrierRateLimited(RESTCOMM, 60, body.message);
    if (body.code !== undefined) return new CarrierRejected(RESTCOMM, status, body.message, body.code);
    return new PlatformAccountSuspended(RESTCOMM, body.message || undefined);
  }
  if (status >= 500) return new PlatformUnavailable(RESTCOMM, `HTTP ${status}`, write ? { outcome: 'unknown' } : {});
  if (status < 400) return new PlatformUnavailable(RESTCOMM, `HTTP ${status}`);
  return new CarrierRejected(RESTCOMM, status, body.message || `HTTP ${status}`, body.code);
}
