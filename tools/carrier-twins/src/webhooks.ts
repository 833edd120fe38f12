import { type Dispatcher, Pool } from 'undici';
import { Ring } from './ring.js';
import { redactUrl } from './wire.js';

/** What happened to one HTTP request that a carrier made. */
export interface Posted {
  /** Absent when no answer came. */
  status?: number;
  contentType: string;
  location?: string;
  body: string;
  /** Why no answer came; `bad-url` was never tried. */
  error?: 'timeout' | 'connection' | 'bad-url';
  durationMs: number;
}

export interface WebhookLogEntry {
  seq: number;
  /** ISO-8601, real time. */
  at: string;
  /** The twin's kind. */
  carrier: string;
  /** What it was, in the carrier's words: `inbound`, `status-callback`. */
  kind: string;
  method: string;
  /** Without its secrets. */
  url: string;
  messageSid: string;
  status?: number;
  error?: string;
  durationMs: number;
}

interface Post {
  carrier: string;
  kind: string;
  messageSid: string;
  method: 'GET' | 'POST';
  url: string;
  contentType: string;
  /** Beside the content type. */
  headers?: Record<string, string>;
  body: string | Buffer;
  timeoutMs: number;
}

const LIMIT_BYTES = 64 * 1024;
const FOLLOWED = new Set([301, 302, 303, 307]);

/** The carrier's HTTP client: one keep-alive pool per origin, one attempt, redirects followed. */
export class Webhooks {
  private readonly pools = new Map<string, Pool>();
  private readonly log = new Ring<{ post: Post; posted: Posted; atMs: number; seq: number }>(10_000);
  private seq = 0;
  /** Requests under way. */
  inFlight = 0;

  constructor(private readonly connections = 64) {}

  async post(post: Post): Promise<Posted> {
    this.inFlight += 1;
    const atMs = Date.now();
    try {
      const posted = await this.follow(post);
      this.log.push({ post, posted, atMs, seq: (this.seq += 1) });
      return posted;
    } finally {
      this.inFlight -= 1;
    }
  }

  /** Newest first. */
  list(limit = 100, messageSid?: string): WebhookLogEntry[] {
    const found: WebhookLogEntry[] = [];
    for (const { post, posted, atMs, seq } of this.log.newestFirst()) {
      if (found.length >= limit) break;
      if (messageSid !== undefined && post.messageSid !== messageSid) continue;
      found.push({
        seq,
        at: new Date(atMs).toISOString(),
        carrier: post.carrier,
        kind: post.kind,
        method: post.method,
        url: redactUrl(post.url),
        messageSid: post.messageSid,
        status: posted.status,
        error: posted.error,
        durationMs: posted.durationMs,
      });
    }
    return found;
  }

  clear(): void {
    this.log.clear();
  }

  async close(): Promise<void> {
    await Promise.all([...this.pools.values()].map((pool) => pool.destroy()));
    this.pools.clear();
  }

  private async follow(post: Post): Promise<Posted> {
    const started = performance.now();
    let posted = await this.once(post, started);
    let { url } = post;
    for (let hop = 0; hop < 5 && posted.location && FOLLOWED.has(posted.status!); hop += 1) {
      url = URL.parse(posted.location, url)?.href ?? posted.location;
      const again = posted.status === 307 ? { ...post, url } : { ...post, url, method: 'GET' as const, body: '' };
      posted = await this.once(again, started);
    }
    return posted;
  }

  private once(post: Post, started: number): Promise<Posted> {
    const origin = originOf(post.url);
    if (origin === undefined) return Promise.resolve({ contentType: '', body: '', error: 'bad-url', durationMs: 0 });
    let path = post.url.slice(origin.length) || '/';
    if (path.includes('#')) path = path.slice(0, path.indexOf('#'));
    const withQuery = post.method === 'GET' && post.body.length > 0;
    if (withQuery) path += `${path.includes('?') ? '&' : '?'}${post.body}`;
    const hasBody = post.method === 'POST';
    return new Promise<Posted>((resolve) => {
      const handler = new Collect(post.timeoutMs, started, resolve);
      this.pool(origin).dispatch(
        {
          path,
          method: post.method,
          headers: hasBody ? { ...post.headers, 'content-type': post.contentType } : undefined,
          body: hasBody ? post.body : null,
          headersTimeout: 0,
          bodyTimeout: 0,
        },
        handler,
      );
    });
  }

  private pool(origin: string): Pool {
    let pool = this.pools.get(origin);
    if (!pool) {
      pool = new Pool(origin, { connections: this.connections, connect: { timeout: 6000 } });
      this.pools.set(origin, pool);
    }
    return pool;
  }
}

function originOf(url: string): string | undefined {
  const found = /^https?:\/\/[^/?#\s@]+(?=[/?#]|$)/i.exec(url);
  return found && !/\s/.test(url) ? found[0] : undefined;
}

/** Reads one answer and keeps the carrier's own time limit over the whole exchange. */
class Collect implements Dispatcher.DispatchHandler {
  private controller: Dispatcher.DispatchController | undefined;
  private status = 0;
  private contentType = '';
  private location: string | undefined;
  private body = '';
  private settled = false;
  private readonly timer: NodeJS.Timeout;

  constructor(
    timeoutMs: number,
    private readonly started: number,
    private readonly resolve: (posted: Posted) => void,
  ) {
    const leftMs = Math.max(1, timeoutMs - (performance.now() - started));
    this.timer = setTimeout(() => {
      this.settle('timeout');
      this.controller?.abort(new Error('time limit reached'));
    }, leftMs);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.settled) controller.abort(new Error('time limit reached'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.status = status;
    this.contentType = String(headers['content-type'] ?? '');
    this.location = headers['location']?.toString();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.body.length < LIMIT_BYTES) this.body += chunk.toString('utf8');
  }

  onResponseEnd(): void {
    this.settle();
  }

  onResponseError(): void {
    this.settle('connection');
  }

  private settle(error?: 'timeout' | 'connection'): void {
    if (this.settled) return;
    this.settled = true;
    clearTimeout(this.timer);
    this.resolve({
      status: error ? undefined : this.status,
      contentType: this.contentType,
      location: this.location,
      body: this.body,
      error,
      durationMs: Math.round(performance.now() - this.started),
    });
  }
}
