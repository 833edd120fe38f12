import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Mailbox, type StoredMail } from './mailbox.js';
import { listPage, mailPage, PAGE_POLICY } from './pages.js';
import { SmtpDoor, type Behavior } from './smtp.js';

export type { Behavior, StoredMail };

export interface MailSinkOptions {
  /** 0 picks a free port. */
  smtpPort: number;
  httpPort: number;
  /** Default 127.0.0.1: there is no login. */
  host?: string;
  /** JSON lines that outlive the process. */
  file?: string;
}

export interface MailSink {
  /** For nodemailer and SMTP_URL. */
  smtpUrl: string;
  httpUrl: string;
  mailbox: Mailbox;
  behave(behavior: Behavior): void;
  stop(): Promise<void>;
}

/**
 * A mail server for development and tests that delivers nothing: it shows what would have been delivered, and fails
 * on request.
 *
 * `GET /` and `/messages/{id}` are pages. JSON: `GET /api/messages?to=&subject=&since=` (newest first),
 * `GET /api/messages/{id}`, `DELETE /api/messages`, `GET|POST /api/behaviour`, `GET /readyz`.
 */
export async function startMailSink(options: MailSinkOptions): Promise<MailSink> {
  const host = options.host ?? '127.0.0.1';
  const mailbox = new Mailbox(options.file);
  const smtp = new SmtpDoor(mailbox);
  const http = createServer((request, response) => {
    answer(request, response, mailbox, smtp).catch(() => reply(response, 500, { error: 'failed' }));
  });
  http.listen(options.httpPort, host);
  await once(http, 'listening');
  const smtpPort = await smtp.listen(options.smtpPort, host);
  const name = host === '0.0.0.0' ? '127.0.0.1' : host;
  return {
    smtpUrl: `smtp://${name}:${smtpPort}`,
    httpUrl: `http://${name}:${(http.address() as AddressInfo).port}`,
    mailbox,
    behave: (behavior) => {
      smtp.behavior = { ...behavior };
    },
    stop: async () => {
      http.closeAllConnections();
      await Promise.all([smtp.close(), new Promise((resolve) => http.close(resolve))]);
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  mailbox: Mailbox,
  smtp: SmtpDoor,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://sink');
  const [, id] = /^\/(?:api\/)?messages\/([^/]+)$/.exec(url.pathname) ?? [];
  const mail = id === undefined ? undefined : mailbox.find(id);
  const route = `${request.method} ${id === undefined ? url.pathname : url.pathname.replace(id, '{id}')}`;
  const filter = Object.fromEntries(
    ['to', 'subject', 'since'].map((key) => [key, url.searchParams.get(key) ?? undefined]),
  );
  switch (route) {
    case 'GET /':
      return showPage(response, listPage(mailbox.list()));
    case 'GET /messages/{id}':
      return mail ? showPage(response, mailPage(mail)) : reply(response, 404, { error: 'no such mail' });
    case 'GET /readyz':
      return reply(response, 200, { status: 'ok' });
    case 'GET /api/messages':
      if (filter['since'] !== undefined && Number.isNaN(Date.parse(filter['since']))) {
        return reply(response, 400, { error: 'since is not a date' });
      }
      return reply(response, 200, mailbox.list(filter));
    case 'GET /api/messages/{id}':
      return mail ? reply(response, 200, mail) : reply(response, 404, { error: 'no such mail' });
    case 'DELETE /api/messages':
      mailbox.clear();
      return reply(response, 204);
    case 'GET /api/behaviour':
      return reply(response, 200, smtp.behavior);
    case 'POST /api/behaviour': {
      const behavior = await readBehavior(request);
      if (!behavior)
        return reply(response, 400, { error: 'JSON {rejectNext: ≥ 0, code: 400–599 | "drop", at?: "rcpt" | "data"}' });
      smtp.behavior = behavior;
      return reply(response, 200, behavior);
    }
    default:
      return reply(response, 404, { error: 'no such page' });
  }
}

async function readBehavior(request: IncomingMessage): Promise<Behavior | undefined> {
  // JSON only: a browser asks us first before it lets a foreign page send that.
  if (!request.headers['content-type']?.startsWith('application/json')) return undefined;
  let body = '';
  for await (const chunk of request) if (body.length < 10_000) body += String(chunk);
  try {
    const { rejectNext, code = 451, at } = JSON.parse(body) as Partial<Behavior>;
    if (!Number.isInteger(rejectNext) || rejectNext! < 0) return undefined;
    if (code !== 'drop' && !(Number.isInteger(code) && code >= 400 && code <= 599)) return undefined;
    if (at !== undefined && at !== 'rcpt' && at !== 'data') return undefined;
    return { rejectNext: rejectNext!, code, at };
  } catch {
    return undefined;
  }
}

function reply(response: ServerResponse, status: number, body?: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

function showPage(response: ServerResponse, html: string): void {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': PAGE_POLICY });
  response.end(html);
}
