import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type AccountView, type RunningTwins, startTwins, type TwinsOptions } from './index.js';

/** What the specs read of a twin's JSON; each answer has the members of its own kind. */
export interface Reply {
  /** Applications come as a bare array. */
  readonly [at: number]: Reply;
  readonly [member: string]: unknown;
  readonly id: string;
  readonly sid: string;
  readonly status: string;
  readonly body: string;
  readonly total: number;
  readonly page_size: number;
  readonly jobId: string;
  readonly error: { readonly code: string };
  readonly numbers: readonly Reply[];
  readonly messages: readonly Reply[];
  readonly notifications: readonly Reply[];
  readonly incomingPhoneNumbers: readonly Reply[];
  readonly capabilities: object & { readonly sms_capable: boolean };
  readonly data: { readonly sms_enabled: string };
  readonly to: string;
  readonly phone_number: string;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** Parsed when it is JSON. */
  json: Reply;
}

/** A started twin with one fresh account, and short words for what the specs ask of it. */
export class TwinsWorld {
  private constructor(
    readonly twins: RunningTwins,
    readonly account: AccountView,
  ) {}

  static async start(options: TwinsOptions = {}): Promise<TwinsWorld> {
    const twins = await startTwins({ sentDelayMs: 5, deliveredDelayMs: 5, ...options });
    return new TwinsWorld(twins, await twins.control.putAccount({}));
  }

  get control(): RunningTwins['control'] {
    return this.twins.control;
  }

  get appSid(): string {
    return this.account.applications[0]!.sid;
  }

  stop(): Promise<void> {
    return this.twins.stop();
  }

  /** At Restcomm, below the account's own path. */
  get(path: string, account: { sid: string; token: string } = this.account): Promise<Answer> {
    return this.restcomm('GET', `/Accounts/${account.sid}${path}`, undefined, account);
  }

  post(
    path: string,
    form: Record<string, string>,
    account: { sid: string; token: string } = this.account,
  ): Promise<Answer> {
    return this.restcomm('POST', `/Accounts/${account.sid}${path}`, form, account);
  }

  delete(path: string): Promise<Answer> {
    return this.restcomm('DELETE', `/Accounts/${this.account.sid}${path}`);
  }

  /** Registers a number the customer owns and returns its sid. */
  async register(phone: string, form: Record<string, string> = {}): Promise<string> {
    const created = await this.post('/IncomingPhoneNumbers.json', { PhoneNumber: phone, isSIP: 'true', ...form });
    return created.json.sid as string;
  }

  async restcomm(
    method: string,
    path: string,
    form?: Record<string, string>,
    credentials: { sid: string; token: string } = this.account,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const basic = Buffer.from(`${credentials.sid}:${credentials.token}`).toString('base64');
    return ask(`${this.twins.restcommUrl}${path}`, {
      method,
      headers: { authorization: `Basic ${basic}`, ...headers },
      body: form && new URLSearchParams(form),
    });
  }

  /** At Message Exchange, canonical profile. */
  exchange(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return ask(`${this.twins.exchangeUrl}/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${this.account.meToken}`, 'content-type': 'application/json', ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  }

  enable(number: string): Promise<Answer> {
    return this.exchange('POST', '/numbers', { numbers: [number], enableSms: true });
  }

  teleapi(path: string, query: Record<string, string>): Promise<Answer> {
    return ask(`${this.twins.teleapiUrl}${path}?${new URLSearchParams({ token: this.account.meToken!, ...query })}`);
  }
}

export async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parsed(text) as Reply };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export interface Received {
  method: string;
  url: string;
  contentType: string;
  headers: IncomingHttpHeaders;
  raw: Buffer;
  form: URLSearchParams;
}

/** Our side of a webhook: keeps what arrives and gives the answer that is set. */
export class Receiver {
  readonly received: Received[] = [];
  answer = (response: ServerResponse, _request: IncomingMessage): void => {
    response.writeHead(200, { 'content-type': 'text/xml' }).end('<?xml version="1.0" encoding="UTF-8"?><Response/>');
  };
  private waiters: (() => void)[] = [];
  private readonly server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const raw = Buffer.concat(chunks);
      this.received.push({
        method: request.method!,
        url: request.url!,
        contentType: request.headers['content-type'] ?? '',
        headers: request.headers,
        raw,
        form: new URLSearchParams(raw.toString('utf8')),
      });
      this.answer(response, request);
      for (const waiter of this.waiters.splice(0)) waiter();
    });
  });

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    await new Promise<void>((resolve) => receiver.server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  /** Resolves when `count` requests have come; the test's own time limit is the limit. */
  async gets(count: number): Promise<Received[]> {
    while (this.received.length < count) await new Promise<void>((resolve) => this.waiters.push(resolve));
    return this.received;
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}

/** Asks until the answer is as wanted. */
export async function until<T>(read: () => Promise<T>, wanted: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await read();
    if (wanted(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
