/** HTTP to carriers: one pool of connections a process, time limits, and what a person may see of each call. */
import { Agent, request } from 'undici';
import { redact, type Secrets } from './redact.js';

/** One call to a carrier for the timeline a person reads. Credentials and message text are already taken out. */
export interface CarrierExchange {
  method: string;
  /** Path with query; account ids masked. */
  path: string;
  /** Absent when no answer came. */
  status?: number;
  /** Code of what went wrong instead of an answer, e.g. `ECONNREFUSED`. */
  failure?: string;
  ms: number;
  requestBody?: string;
  responseBody?: string;
}
export type ExchangeObserver = (exchange: CarrierExchange) => void;

export interface CarrierHttpOptions {
  /** Milliseconds to a connection. */
  connectMs?: number;
  /** Milliseconds from request to the last byte; the carrier itself may take 10 s to send. */
  readMs?: number;
  /** Most per carrier address. Calls beyond wait inside their time limit, so callers keep below it. */
  connections?: number;
  /** Base of the jittered pause before a read is repeated. */
  retryMs?: number;
  /** Notified of every call of every platform. */
  onExchange?: ExchangeObserver;
}

export interface HttpCall {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: string;
  headers: Record<string, string>;
  body?: string;
  secrets: Secrets;
  onExchange?: ExchangeObserver;
}
export interface HttpAnswer {
  status: number;
  header(name: string): string | undefined;
  text: string;
}

/** No answer. `sent` is false only when the request certainly never left us. */
export class TransportFailure extends Error {
  constructor(
    readonly code: string,
    readonly sent: boolean,
  ) {
    super(code);
    this.name = 'TransportFailure';
  }
}

/** Errors of before the first byte: name, route, connection, certificate. */
const NOT_SENT = new Set([
  ...['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'EPROTO'],
  ...['UND_ERR_CONNECT_TIMEOUT', 'ERR_INVALID_URL', 'UND_ERR_INVALID_ARG', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ...[
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  ],
  ...['UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
]);

/** Keep-alive connections per origin; never follows a redirect, never repeats a request. */
export class CarrierHttp {
  private readonly agent: Agent;
  private readonly deadlineMs: number;

  constructor(private readonly options: CarrierHttpOptions = {}) {
    const { connectMs = 5_000, readMs = 15_000, connections = 64 } = options;
    this.deadlineMs = connectMs + readMs;
    this.agent = new Agent({
      connect: { timeout: connectMs },
      headersTimeout: readMs,
      bodyTimeout: readMs,
      connections,
      maxResponseSize: 10_000_000,
    });
  }

  /** Any status is an answer. Throws TransportFailure. */
  async call(call: HttpCall): Promise<HttpAnswer> {
    const started = performance.now();
    try {
      const response = await request(call.url, {
        dispatcher: this.agent,
        method: call.method,
        headers: call.headers,
        body: call.body ?? null,
        signal: AbortSignal.timeout(this.deadlineMs),
      });
      const text = await response.body.text();
      const { statusCode: status, headers } = response;
      this.notify(call, started, { status, responseBody: text });
      const header = (name: string) => {
        const value = headers[name.toLowerCase()];
        return Array.isArray(value) ? value[0] : value;
      };
      return { status, header, text };
    } catch (cause) {
      const code = codeOf(cause);
      this.notify(call, started, { failure: code });
      // The cause stays behind: its message or stack may hold the URL, and with it a token.
      throw new TransportFailure(code, !NOT_SENT.has(code));
    }
  }

  /** A pause before a read is repeated: somewhere between half and all of a doubling base. */
  async pause(attempt: number): Promise<void> {
    const base = (this.options.retryMs ?? 200) * 2 ** attempt;
    await new Promise((resolve) => setTimeout(resolve, base * (0.5 + Math.random() / 2)));
  }

  close(): Promise<void> {
    return this.agent.close();
  }

  private notify(
    call: HttpCall,
    started: number,
    result: Pick<CarrierExchange, 'status' | 'failure' | 'responseBody'>,
  ): void {
    const observers = [call.onExchange, this.options.onExchange].filter((observer) => observer !== undefined);
    if (observers.length === 0) return;
    const { pathname, search } = new URL(call.url);
    const exchange: CarrierExchange = {
      method: call.method,
      path: redact(pathname + search, call.secrets),
      ms: Math.round(performance.now() - started),
      ...result,
      ...(call.body === undefined ? {} : { requestBody: redact(call.body, call.secrets) }),
      ...(result.responseBody === undefined ? {} : { responseBody: redact(result.responseBody, call.secrets) }),
    };
    for (const observer of observers) {
      try {
        observer(exchange);
      } catch {
        // A timeline that can't be written must not turn what the carrier did into an unknown outcome.
      }
    }
  }
}

/** By shape: what the runtime throws need not be an instance of this realm's Error. */
function codeOf(thrown: unknown): string {
  const { name, code, errors } = (thrown ?? {}) as { name?: string; code?: unknown; errors?: unknown[] };
  if (name === 'TimeoutError') return 'TIMEOUT';
  if (typeof code === 'string') return code;
  // Several addresses of one name: each attempt failed before a byte was sent.
  if (Array.isArray(errors) && errors.length > 0) return codeOf(errors[0]);
  return name ?? 'UNKNOWN';
}

/** Seconds the carrier asks us to wait, where it says so. */
export function retryAfter(answer: HttpAnswer): number | undefined {
  const seconds = Number(answer.header('retry-after'));
  return Number.isFinite(seconds) && seconds > 0 ? Math.ceil(seconds) : undefined;
}
