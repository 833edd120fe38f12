import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';

/** What a carrier answers. Handlers are synchronous, so an effect is either whole or absent, whatever the fault around it. */
export interface Reply {
  status: number;
  type?: string;
  body?: string | Buffer;
  headers?: Record<string, string>;
  /** Never answer: the caller's timeout decides. */
  withhold?: boolean;
}

/** One request as it arrived, parsed no further than asked for. */
export class Call {
  private parsedQuery: URLSearchParams | undefined;
  private parsedForm: URLSearchParams | undefined;

  constructor(
    readonly method: string,
    /** Without the query. */
    readonly path: string,
    /** Without the question mark. */
    readonly search: string,
    readonly headers: IncomingHttpHeaders,
    readonly body: string,
  ) {}

  get query(): URLSearchParams {
    return (this.parsedQuery ??= new URLSearchParams(this.search));
  }

  get form(): URLSearchParams {
    return (this.parsedForm ??= new URLSearchParams(this.body));
  }
}

/** One thing a carrier can be asked, found by its route and ready to run. */
export interface Operation {
  carrier: Carrier;
  /** For example `numbers.create`. */
  name: string;
  /** The phone number it concerns, as the caller wrote it. */
  number?: string;
  accountSid?: string;
  run(): Reply;
  /** Removes the resource the operation concerns, as if it had been deleted in the carrier's own portal. */
  vanish?(): void;
  /** The carrier's natural way to say no to this operation. */
  refusal: Reply;
}

export type Carrier = 'restcomm' | 'message-exchange';

export const JSON_TYPE = 'application/json';

export const empty = (status: number): Reply => ({ status });
export const text = (status: number, body: string): Reply => ({ status, type: 'text/plain', body });
export const json = (status: number, value: unknown, headers?: Record<string, string>): Reply => ({
  status,
  type: `${JSON_TYPE}; charset=utf-8`,
  body: JSON.stringify(value),
  headers,
});

/** The servlet container's page for an exception nobody caught (Restcomm §1.4). */
export const html500 = (): Reply => ({
  status: 500,
  type: 'text/html;charset=utf-8',
  body: '<html><head><title>Error report</title></head><body><h1>HTTP Status 500 - Internal Server Error</h1></body></html>',
});

export function send(response: ServerResponse, reply: Reply): void {
  if (reply.withhold || response.destroyed) return;
  const length = reply.body === undefined ? 0 : Buffer.byteLength(reply.body);
  const headers: Record<string, string | number> = { ...reply.headers };
  if (reply.type) headers['content-type'] = reply.type;
  if (reply.status !== 204) headers['content-length'] = length;
  response.writeHead(reply.status, headers);
  response.end(reply.body);
}

/** Two letters and 32 hexadecimal digits (Restcomm §1.3). */
export const newSid = (prefix: string): string => prefix + randomUUID().replaceAll('-', '');

export const looksLikeSid = (value: string): boolean => /^[A-Z]{2}[0-9A-Za-z]{32}$/.test(value);

/** Digits only, without the country code of North America: how two spellings of a number are compared. */
export function nationalDigits(number: string): string {
  const digits = number.replace(/\D/g, '');
  return digits.length === 11 && digits.startsWith('1') ? digits.slice(1) : digits;
}

/** Query values and long path segments may be secrets, so nobody gets to read them back. */
export function redactUrl(url: string): string {
  const [path, query] = url.split('?', 2) as [string, string | undefined];
  const safePath = path
    .split('/')
    .map((segment) => (segment.length >= 20 && !segment.includes('.') ? `${segment.slice(0, 4)}…` : segment))
    .join('/');
  return query === undefined ? safePath : `${safePath}?${query.replace(/=[^&]*/g, '=…')}`;
}

/** The bearer token of the TeleAPI dialect rides in the query (Message Exchange §3.1). */
export const redactSearch = (search: string): string => search.replace(/(^|&)token=[^&]*/gi, '$1token=…');
