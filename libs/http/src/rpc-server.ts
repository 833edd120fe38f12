import { setTimeout as wait } from 'node:timers/promises';
import { type CustomTransportStrategy, NatsContext, Server, Transport } from '@nestjs/microservices';
import { AppError } from '@strowger/kernel';
import { histogram, logger, withTraceparent } from '@strowger/telemetry';
import type { Msg, Subscription } from '@nats-io/transport-node';
import { lastValueFrom } from 'rxjs';
import type { Health } from './health.js';
import { NatsLink } from './nats-link.js';

const log = logger('rpc');
const seconds = histogram('rpc_server_seconds', 'Requests answered, by subject and outcome.');

interface RequestPacket {
  id?: string;
  data?: unknown;
}

/**
 * Nest's NATS transport, wire for wire, with what it lacks: it starts while NATS is away, continues traces, passes our
 * errors on whole, and on closing finishes exactly the requests it has instead of waiting a fixed time.
 */
export class RpcServer extends Server implements CustomTransportStrategy {
  override transportId = Transport.NATS;
  private readonly link: NatsLink;
  private subscriptions: Subscription[] = [];
  private closing: Promise<void> | undefined;
  private active = 0;
  private idle: (() => void) | undefined;

  /** @param options.service queue group: one instance of the service answers each request. */
  constructor(
    private readonly options: { natsUrl: string; service: string },
    health?: Health,
  ) {
    super();
    this.link = new NatsLink(options.natsUrl, `${options.service}-rpc-server`);
    health?.add('rpc', () =>
      this.link.up && this.subscriptions.length > 0
        ? Promise.resolve()
        : Promise.reject(new Error('not listening for requests')),
    );
  }

  async listen(callback: (error?: unknown) => void): Promise<void> {
    try {
      const nc = await this.link.connection();
      this.subscriptions = [...this.messageHandlers.keys()].map((subject) =>
        nc.subscribe(subject, {
          queue: this.options.service,
          callback: (error, message) =>
            error ? log.error({ subject, err: error }, 'rpc-subscription-failed') : void this.receive(subject, message),
        }),
      );
      // The server knows the subscriptions once this returns, so whoever waited for us may call.
      await nc.flush();
      callback();
    } catch (error) {
      callback(error);
    }
  }

  /** Takes no more requests, finishes what it has (at most 20 s), then disconnects. Safe to call twice. */
  close(): Promise<void> {
    this.closing ??= this.stop();
    return this.closing;
  }

  unwrap<T>(): T {
    return this.link.connection() as T;
  }

  on(): void {
    // Connection events go to the log (NatsLink) and to readiness.
  }

  private async stop(): Promise<void> {
    const drained = Promise.all(this.subscriptions.map((s) => s.drain().catch(() => undefined)));
    await Promise.race([drained, wait(1_000, undefined, { ref: false })]);
    if (this.active > 0) {
      const done = new Promise<void>((resolve) => (this.idle = resolve));
      await Promise.race([done, wait(20_000, undefined, { ref: false })]);
    }
    await this.link.close();
  }

  private async receive(subject: string, message: Msg): Promise<void> {
    this.active++;
    const timer = seconds.startTimer({ subject });
    try {
      const packet = message.json<RequestPacket>();
      const parent = message.headers?.get('traceparent') || undefined;
      const reply = await withTraceparent(
        parent,
        subject,
        () => this.answer(subject, packet.data, message),
        undefined,
        { kind: 'server' },
      ).then(
        (response) => ({ response, isDisposed: true, id: packet.id }),
        (error: unknown) => ({ err: this.outgoing(subject, error), isDisposed: true, id: packet.id }),
      );
      timer({ outcome: 'err' in reply ? ((reply.err as { kind?: string }).kind ?? 'internal') : 'ok' });
      if (message.reply) this.respond(subject, message, reply);
    } catch (error) {
      log.error({ subject, err: error }, 'rpc-unreadable');
      const err = new AppError('invalid', 'malformed-request', 'The request could not be read.').toJSON();
      if (message.reply) this.respond(subject, message, { err, isDisposed: true });
    } finally {
      this.active--;
      if (this.active === 0) this.idle?.();
    }
  }

  private async answer(subject: string, data: unknown, message: Msg): Promise<unknown> {
    const handler = this.messageHandlers.get(subject)!;
    const result: unknown = await handler(data, new NatsContext([subject, message.headers]));
    return lastValueFrom(this.transformToObservable(result), { defaultValue: undefined });
  }

  private outgoing(subject: string, thrown: unknown): unknown {
    const error = AppError.wrap(thrown);
    if (error.kind !== 'internal') return error.toJSON();
    log.error({ subject, err: error.cause ?? error }, 'rpc-failed');
    return new AppError('internal', error.code, error.message, error.details).toJSON();
  }

  private respond(subject: string, message: Msg, reply: object): void {
    try {
      message.respond(JSON.stringify(reply));
    } catch (cause) {
      // Larger than NATS carries: the caller gets an answer instead of a timeout.
      log.error({ subject, err: cause }, 'rpc-reply-failed');
      const err = new AppError('internal', 'reply-too-large', 'The answer is too large to pass on.').toJSON();
      message.respond(JSON.stringify({ err, isDisposed: true, id: (reply as { id?: string }).id }));
    }
  }
}
