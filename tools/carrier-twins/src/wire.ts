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
  /** For example `numbers.create`. */
  name: string;
  /** The phone number it concerns, as the caller wrote it. */
  number?: string;
  /** The account it concerns, as its carrier names accounts. */
  accountSid?: string;
  run(): Reply;
  /** The answer waits this long. */
  slowMs?: number;
  /** Removes the resource the operation concerns, as if it had been deleted in the carrier's own portal. */
  vanish?(): void;
  /** The carrier's natural way to say no to this operation. */
  refusal: Reply;
}

export const JSON_TYPE = 'application/json';

export const empty = (status: number): Reply => ({ status });
export const text = (status: number, body: string): Reply => ({ status, type: 'text/plain', body });
export const json = (status: number, value: unknown, headers?: Record<string, string>): Reply => ({
  status,
  type: `${JSON_TYPE}; charset=utf-8`,
  body: JSON.stringify(value),
  headers,
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

/** Digits only, without the country code of North America: how two spellings of a number are compared. */
export function nationalDigits(number: string): string {
  const digits = number.replace(/\D/g, '');
  return digits.length === 11 && digits.startsWith('1') ? digits.slice(1) : digits;
}

export const sameNumber = (left: string, right: string): boolean => nationalDigits(left) === nationalDigits(right);

export const escapeXml = (value: string): string =>
  value.replace(/[<>&"]/g, (char) => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' })[char]!);

/** Query values and long path segments may be secrets, so nobody gets to read them back. */
export function redactUrl(url: string): string {
  const [path, query] = url.split('?', 2) as [string, string | undefined];
  const safePath = path
    .split('/')
    .map((segment) => (segment.length >= 20 && !segment.includes('.') ? `${segment.slice(0, 4)}…` : segment))
    .join('/');
  return query === undefined ? safePath : `${safePath}?${query.replace(/=[^&]*/g, '=…')}`;
}

/** A carrier may take its token in the query (Message Exchange §3.1). */
export const redactSearch = (search: string): string => search.replace(/(^|&)token=[^&]*/gi, '$1token=…');
