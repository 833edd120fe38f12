import { createInbox, errors, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';

/** Packets as Nest's NATS transport writes them, so either end may be plain Nest. */
export interface ReplyPacket {
  response?: unknown;
  err?: unknown;
}

interface Waiting {
  resolve(reply: ReplyPacket): void;
  reject(error: Error): void;
  /** `performance.now()` */
  until: number;
}
interface Bundled {
  token: string;
  data: string;
}

/** How late a timeout may be noticed. */
const LOOK_MS = 50;
/** Of one bundle; well below what NATS carries, with room for the replies. */
const BUNDLE_BYTES = 128 * 1024;
const BUNDLE_REQUESTS = 64;
/** Begins the token of a bundle; those of requests are letters and digits. */
const BUNDLE = '-';

/**
 * Request/reply over one inbox, as the library's own does it, for a third of the time: one clock for all requests instead
 * of a timer, an error and a race of promises for each. Requests of one turn of the event loop can share a message, a
 * bundle (`rpc-server.ts` reads it): `[{"token":…,"data":…},…]`, answered by messages `[{"token":…,"response":…},…]` as
 * the answers come, so that none waits for another.
 */
export class RequestInbox {
  private readonly prefix = `${createInbox()}.`;
  private readonly waiting = new Map<string, Waiting>();
  private readonly bundles = new Map<string, Bundled[]>();
  /** Sent, and nothing heard of yet: only then can it be that nobody listens. */
  private readonly unheard = new Map<string, string[]>();
  private last = 0;
  private clock: NodeJS.Timeout | undefined;

  constructor(private readonly nc: NatsConnection) {
    nc.subscribe(`${this.prefix}*`, {
      callback: (error, message) => {
        if (!error) this.answered(message);
      },
    });
  }

  /**
   * @throws NoRespondersError when nobody listens, TimeoutError, and what `publish` throws; rejects when no answer can
   * come any more because the connection was closed
   */
  request(subject: string, packet: string, timeoutMs: number, headers: MsgHdrs | undefined): Promise<ReplyPacket> {
    const token = this.nextToken();
    this.nc.publish(subject, packet, { reply: this.prefix + token, headers });
    return this.wait(token, timeoutMs);
  }

  /** The same, in one message with what else is asked of this subject until the microtasks of now are done. */
  bundled(subject: string, data: string, timeoutMs: number): Promise<ReplyPacket> {
    const token = this.nextToken();
    const bundle = this.bundles.get(subject);
    if (bundle) bundle.push({ token, data });
    else {
      this.bundles.set(subject, [{ token, data }]);
      queueMicrotask(() => this.sendBundle(subject));
    }
    return this.wait(token, timeoutMs);
  }

  private nextToken(): string {
    return (++this.last).toString(36);
  }

  private wait(token: string, timeoutMs: number): Promise<ReplyPacket> {
    return new Promise((resolve, reject) => {
      this.waiting.set(token, { resolve, reject, until: performance.now() + timeoutMs });
      this.clock ??= setInterval(() => this.look(), LOOK_MS);
    });
  }

  private sendBundle(subject: string): void {
    const all = this.bundles.get(subject) ?? [];
    this.bundles.delete(subject);
    for (let from = 0; from < all.length;) {
      let text = '';
      const tokens: string[] = [];
      for (; from < all.length && tokens.length < BUNDLE_REQUESTS; from++) {
        const { token, data } = all[from]!;
        if (tokens.length > 0 && text.length + data.length > BUNDLE_BYTES) break;
        text += `${text && ','}{"token":"${token}","data":${data}}`;
        tokens.push(token);
      }
      const reply = BUNDLE + this.nextToken();
      try {
        this.nc.publish(subject, `[${text}]`, { reply: this.prefix + reply });
        this.unheard.set(reply, tokens);
      } catch (error) {
        this.rejectAll(tokens, error as Error);
      }
    }
  }

  private answered(message: Msg): void {
    const token = message.subject.slice(this.prefix.length);
    const nobody = message.data.length === 0 && message.headers?.code === 503;
    if (!token.startsWith(BUNDLE)) {
      const waiting = this.settle(token);
      const reply = nobody ? new errors.NoRespondersError(message.subject) : packetOf<ReplyPacket>(message);
      if (reply instanceof Error) waiting?.reject(reply);
      else waiting?.resolve(reply);
      return;
    }
    const asked = this.unheard.get(token) ?? [];
    this.unheard.delete(token);
    if (nobody) return this.rejectAll(asked, new errors.NoRespondersError(message.subject));
    const replies = packetOf<(ReplyPacket & { token: string })[]>(message);
    if (!Array.isArray(replies)) return this.rejectAll(asked, new Error('the other side does not read bundles'));
    for (const reply of replies) this.settle(reply.token)?.resolve(reply);
  }

  private rejectAll(tokens: readonly string[], error: Error): void {
    for (const token of tokens) this.settle(token)?.reject(error);
  }

  /** Whoever waits under the token, who from now on doesn't. */
  private settle(token: string): Waiting | undefined {
    const waiting = this.waiting.get(token);
    this.waiting.delete(token);
    return waiting;
  }

  private look(): void {
    const now = this.nc.isClosed() ? Infinity : performance.now();
    for (const [token, { until }] of this.waiting)
      if (until <= now) this.settle(token)?.reject(new errors.TimeoutError());
    if (this.waiting.size > 0) return;
    this.unheard.clear();
    clearInterval(this.clock);
    this.clock = undefined;
  }
}

/** What throws in a subscription's callback takes the connection with it, so that a reply which is no JSON is an error here. */
function packetOf<T>(message: Msg): T | Error {
  try {
    return message.json<T | null>() ?? new Error('the reply is empty');
  } catch (error) {
    return error as Error;
  }
}
