import { setTimeout as wait } from 'node:timers/promises';
import { AppError, type SerializedError } from '@strowger/kernel';
import { guarded, histogram, inBackground, logger, withTraceparent } from '@strowger/telemetry';
import type { Msg, Subscription } from '@nats-io/transport-node';
import type { Answer } from './answers.js';
import type { NatsLink } from './nats-link.js';
import type { ReplyPacket } from './request-inbox.js';

const log = logger('rpc');
const seconds = histogram('rpc_server_seconds', 'Requests answered, by subject and outcome.');

interface RequestPacket {
  id?: string;
  data?: unknown;
}

interface BundledRequest {
  token: string;
  data: unknown;
}
/** What a bundle begins with, and no single request. */
const BRACKET = '['.charCodeAt(0);
/** Of one message with replies; NATS carries a megabyte. */
const REPLY_BYTES = 256 * 1024;

/** What a message holds, if it is a request at all. */
function requestOf(packet: unknown): RequestPacket {
  if (typeof packet !== 'object' || packet === null) throw new TypeError('A request must be a JSON object.');
  const { id, data }: { id?: unknown; data?: unknown } = packet;
  return { data, ...(typeof id === 'string' ? { id } : {}) };
}

function bundleOf(packet: unknown): BundledRequest[] {
  if (!Array.isArray(packet)) throw new TypeError('A bundle must be a JSON list.');
  return packet.map((request: unknown) => {
    const token: unknown = Reflect.get(Object(request) as object, 'token');
    if (typeof token !== 'string') throw new TypeError('A request of a bundle must have a token.');
    return { token, data: Reflect.get(Object(request) as object, 'data') as unknown };
  });
}

interface BundledReply {
  token: string;
  text: string;
}

const TOO_LARGE = new AppError('internal', 'reply-too-large', 'The answer is too large to pass on.').toJSON();

/**
 * Answers requests that come over NATS, in the wire format of Nest's NATS transport. It starts while NATS is away,
 * continues traces, passes our errors on whole, and on closing finishes exactly the requests it has.
 */
export class RpcServer {
  private subscriptions: Subscription[] = [];
  private closing: Promise<void> | undefined;
  private active = 0;
  private idle: (() => void) | undefined;
  /** Replies of this turn of the event loop: they leave together, in one write; those to one bundle in one message. */
  private replies: (() => void)[] = [];
  private bundles = new Map<Msg, BundledReply[]>();
  private flush: NodeJS.Immediate | undefined;

  /**
   * @param service queue group: one instance of the service answers each request
   * @param answers by subject
   */
  constructor(
    private readonly link: NatsLink,
    private readonly service: string,
    private readonly answers: ReadonlyMap<string, Answer>,
  ) {}

  /** Subscribes, once NATS is there. Rejects when closed before. */
  async start(): Promise<void> {
    const nc = await this.link.connection();
    if (this.closing) return;
    this.subscriptions = [...this.answers].map(([subject, answer]) =>
      nc.subscribe(subject, {
        queue: this.service,
        callback: guarded(subject, (error, message) =>
          error
            ? log.error({ subject, err: error }, 'rpc-subscription-failed')
            : this.receive(subject, answer, message),
        ),
      }),
    );
    // The server knows the subscriptions once this returns, so anyone who waited for us may call.
    await nc.flush();
  }

  /** For readiness: rejects while no request can come. */
  async check(): Promise<void> {
    if (!this.link.up || this.subscriptions.length === 0) throw new Error('not listening for requests');
  }

  /** Takes no more requests and finishes what it has (at most 20 s). Safe to call twice. */
  close(): Promise<void> {
    this.closing ??= this.stop();
    return this.closing;
  }

  private async stop(): Promise<void> {
    const drained = Promise.all(this.subscriptions.map((s) => s.drain().catch(() => undefined)));
    await Promise.race([drained, wait(1_000, undefined, { ref: false })]);
    if (this.active > 0) {
      const done = new Promise<void>((resolve) => (this.idle = resolve));
      await Promise.race([done, wait(20_000, undefined, { ref: false })]);
    }
    this.flushReplies();
  }

  private async receive(subject: string, answer: Answer, message: Msg): Promise<void> {
    if (message.data[0] === BRACKET) return this.receiveBundle(subject, answer, message);
    this.active++;
    try {
      const packet = requestOf(message.json());
      const parent = message.headers?.get('traceparent') || undefined;
      const reply = await this.replyTo(subject, answer, packet.data, parent);
      if (message.reply) this.respond(subject, message, { ...reply, isDisposed: true, id: packet.id });
    } catch (error) {
      this.unreadable(subject, message, error);
    } finally {
      this.done();
    }
  }

  /** Many requests in one message (`request-inbox.ts`), each answered when it is done. */
  private receiveBundle(subject: string, answer: Answer, message: Msg): void {
    let requests: BundledRequest[];
    try {
      requests = bundleOf(message.json());
    } catch (error) {
      return this.unreadable(subject, message, error);
    }
    this.active += requests.length;
    for (const { token, data } of requests)
      inBackground(
        subject,
        this.replyTo(subject, answer, data, undefined)
          .then((reply) => {
            const bundle = this.bundles.get(message);
            const one = { token, text: JSON.stringify({ token, ...reply }) };
            if (bundle) bundle.push(one);
            else this.bundles.set(message, [one]);
            this.flushSoon();
          })
          .finally(() => this.done()),
      );
  }

  /** Never rejects. */
  private replyTo(subject: string, answer: Answer, data: unknown, parent: string | undefined): Promise<ReplyPacket> {
    const timer = seconds.startTimer({ subject });
    return withTraceparent(parent, subject, () => answer(data), undefined, { kind: 'server' }).then(
      (response) => {
        timer({ outcome: 'ok' });
        return { response };
      },
      (error: unknown) => {
        const err = this.outgoing(subject, error);
        timer({ outcome: err.kind });
        return { err };
      },
    );
  }

  private unreadable(subject: string, message: Msg, error: unknown): void {
    log.error({ subject, err: error }, 'rpc-unreadable');
    const err = new AppError('invalid', 'malformed-request', 'The request could not be read.').toJSON();
    if (message.reply) this.respond(subject, message, { err, isDisposed: true });
  }

  private done(): void {
    this.active--;
    if (this.active === 0) this.idle?.();
  }

  private outgoing(subject: string, thrown: unknown): SerializedError {
    const error = AppError.wrap(thrown);
    if (error.kind !== 'internal') return error.toJSON();
    log.error({ subject, err: error.cause ?? error }, 'rpc-failed');
    return new AppError('internal', error.code, error.message, error.details).toJSON();
  }

  private respond(subject: string, message: Msg, reply: object): void {
    this.replies.push(() => this.sendReply(subject, message, reply));
    this.flushSoon();
  }

  private flushSoon(): void {
    this.flush ??= setImmediate(guarded('rpc-replies', () => this.flushReplies()));
  }

  private flushReplies(): void {
    this.flush = undefined;
    const { replies, bundles } = this;
    this.replies = [];
    this.bundles = new Map();
    // One that can't be sent keeps none of the others back.
    for (const send of replies) guarded('rpc-reply', send)();
    for (const [message, all] of bundles) guarded('rpc-reply', () => this.sendBundle(message, all))();
  }

  private sendBundle(message: Msg, all: readonly BundledReply[]): void {
    let joined: string[] = [];
    let length = 0;
    const send = (texts: readonly string[]): void => void message.respond(`[${texts.join(',')}]`);
    for (const { token, text } of all) {
      if (text.length > REPLY_BYTES) {
        this.tryTo(
          message.subject,
          () => send([text]),
          () => send([JSON.stringify({ token, err: TOO_LARGE })]),
        );
        continue;
      }
      if (length + text.length > REPLY_BYTES) {
        send(joined);
        joined = [];
        length = 0;
      }
      joined.push(text);
      length += text.length;
    }
    if (joined.length > 0) send(joined);
  }

  private sendReply(subject: string, message: Msg, reply: object): void {
    this.tryTo(
      subject,
      () => message.respond(JSON.stringify(reply)),
      () => message.respond(JSON.stringify({ err: TOO_LARGE, isDisposed: true, id: (reply as { id?: string }).id })),
    );
  }

  /** What is larger than NATS carries is answered nevertheless, instead of a timeout. */
  private tryTo(subject: string, send: () => unknown, instead: () => unknown): void {
    try {
      send();
    } catch (cause) {
      log.error({ subject, err: cause }, 'rpc-reply-failed');
      instead();
    }
  }
}
