import { setTimeout as wait } from 'node:timers/promises';
import { AppError, type RpcContract, type RpcRequest, type SerializedError } from '@strowger/kernel';
import { histogram, span, traceparent } from '@strowger/telemetry';
import { errors, headers, nuid, type NatsConnection } from '@nats-io/transport-node';
import { NatsLink } from './nats-link.js';
import { type ReplyPacket, RequestInbox } from './request-inbox.js';

export interface RpcCallOptions {
  /** How long to wait for the answer; ten seconds when not given. */
  timeoutMs?: number;
  /** Share a message with other requests of this moment: for what is asked thousands of times a second. Not of plain Nest. */
  bundled?: boolean;
}

const TIMEOUT_MS = 10_000;
/** A service that restarts is back within this; nothing was sent meanwhile, so asking again is safe. */
const PATIENCE_MS = 1_000;
const RETRY_MS = 50;

const seconds = histogram('rpc_client_seconds', 'Requests to other services, by subject and outcome.');

/** Asks other services over NATS request/reply. */
export class Rpc {
  private inbox: RequestInbox | undefined;

  /** @param closeLink when the connection is ours alone */
  constructor(
    private readonly link: NatsLink,
    private readonly closeLink?: () => Promise<void>,
  ) {}

  /** On a connection of its own, for tools and specs; resolves once it is there. */
  static async connect({ natsUrl, name }: { natsUrl: string; name: string }): Promise<Rpc> {
    const link = new NatsLink(natsUrl, name);
    await link.connection();
    return new Rpc(link, () => link.close());
  }

  /** Ends a connection of its own. */
  async close(): Promise<void> {
    await this.closeLink?.();
  }

  /**
   * @throws AppError what the service threw; `unavailable` / `service-unavailable` when nobody answers, with
   * `outcome: 'unknown'` when the request was sent but no answer came in time.
   */
  async call<B extends object, R>(
    contract: RpcContract<B, R>,
    request: RpcRequest<B>,
    { timeoutMs = TIMEOUT_MS, bundled = false }: RpcCallOptions = {},
  ): Promise<R> {
    const timer = seconds.startTimer({ subject: contract.subject });
    try {
      const reply = await span(
        contract.subject,
        () => this.ask(contract.subject, request, timeoutMs, bundled),
        undefined,
        {
          kind: 'client',
        },
      );
      timer({ outcome: 'ok' });
      return reply as R;
    } catch (error) {
      timer({ outcome: error instanceof AppError ? error.kind : 'internal' });
      throw error;
    }
  }

  private async ask(subject: string, request: unknown, timeoutMs: number, bundled: boolean): Promise<unknown> {
    const deadline = performance.now() + timeoutMs;
    const patience = performance.now() + Math.min(PATIENCE_MS, timeoutMs);
    const data = JSON.stringify(request);
    for (;;) {
      try {
        const nc = await this.reachable(subject, patience);
        return unpack(await this.send(nc, subject, data, Math.max(1, deadline - performance.now()), bundled), subject);
      } catch (error) {
        if (!(error instanceof errors.NoRespondersError)) throw error;
        if (performance.now() + RETRY_MS > patience) throw unavailable(subject, error);
        await wait(RETRY_MS);
      }
    }
  }

  /** The connection, if it is up before `until`: what is handed to a connection that is down might be sent much later. */
  private async reachable(subject: string, until: number): Promise<NatsConnection> {
    while (!this.link.up) {
      if (performance.now() + RETRY_MS > until) throw unavailable(subject, new Error('NATS is not connected'));
      await wait(RETRY_MS);
    }
    return this.link.connection();
  }

  /**
   * The end of this turn of the event loop: what many requests ask in one turn goes to NATS in one write, where each
   * for itself would cost a system call here and a wake-up there.
   */
  private turn(): Promise<void> {
    this.ending ??= new Promise((resolve) =>
      setImmediate(() => {
        this.ending = undefined;
        resolve();
      }),
    );
    return this.ending;
  }
  private ending: Promise<void> | undefined;

  private async send(
    nc: NatsConnection,
    subject: string,
    data: string,
    timeout: number,
    bundled: boolean,
  ): Promise<ReplyPacket> {
    const parent = traceparent();
    const head = parent === undefined ? undefined : headers();
    if (parent !== undefined) head?.set('traceparent', parent);
    await this.turn();
    const inbox = (this.inbox ??= new RequestInbox(nc));
    try {
      // A trace is in the head of a message, which is one request's.
      if (bundled && !head) return await inbox.bundled(subject, data, timeout);
      const packet = `{"pattern":${JSON.stringify(subject)},"data":${data},"id":"${nuid.next()}"}`;
      return await inbox.request(subject, packet, timeout, head);
    } catch (error) {
      if (error instanceof errors.NoRespondersError) throw error;
      if (error instanceof errors.InvalidArgumentError && data.length > (nc.info?.max_payload ?? 1 << 20))
        throw new AppError(
          'invalid',
          'payload-too-large',
          'The request is larger than the system can pass on.',
          {},
          { cause: error },
        );
      throw unavailable(subject, error, 'unknown');
    }
  }
}

function unpack(packet: ReplyPacket, subject: string): unknown {
  if (packet.err === undefined || packet.err === null) return packet.response;
  if (isSerialized(packet.err)) throw AppError.from(packet.err);
  throw new AppError('internal', 'rpc-failed', 'Another service failed.', { subject }, { cause: packet.err });
}

const isSerialized = (err: unknown): err is SerializedError =>
  typeof err === 'object' && err !== null && 'kind' in err && 'code' in err && 'message' in err;

function unavailable(subject: string, cause: unknown, outcome?: 'unknown'): AppError {
  const service = subject.split('.')[1] ?? subject;
  const message =
    outcome === 'unknown'
      ? `The ${service} service did not answer in time, so it is not known whether it did what was asked. Look before you repeat it.`
      : `The ${service} service is not available right now. Try again in a moment.`;
  return new AppError(
    'unavailable',
    'service-unavailable',
    message,
    { service },
    { cause, outcome, retryAfterSeconds: 2 },
  );
}
