import { setTimeout as delay } from 'node:timers/promises';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { jetstream, jetstreamManager, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import { AppError } from '@strowger/kernel';
import { logger } from '@strowger/telemetry';
import { StreamUnavailable } from './errors.js';
import { ensureStreams, STREAMS, type StreamSpec } from './streams.js';

export interface MessagingOptions {
  /** One url, or several with commas between. */
  natsUrl: string;
  /** Shown in the server's connection list; the service's name. */
  name: string;
  /** Copies of each stream: 1 on a single server, 3 on a cluster. */
  replicas?: 1 | 3;
  streams?: readonly StreamSpec[];
}

/** Something that can say whether it has work left; `idle()` waits for all of them. */
export interface IdleSource {
  name: string;
  idle(): Promise<boolean>;
}

const log = logger('messaging');

/**
 * The process's one connection to NATS. It comes up when NATS does and comes back when NATS does, for ever: a service
 * starts and serves while NATS is away. Streams are ensured on every connect.
 */
export class Messaging {
  private connection?: NatsConnection;
  private client?: JetStreamClient;
  private manager?: JetStreamManager;
  private up = false;
  private readonly closing = new AbortController();
  private readonly listeners = new Set<() => void>();
  private readonly idleSources = new Set<IdleSource>();
  private readonly firstConnect = Promise.withResolvers<void>();
  private ensured?: Promise<void>;

  private constructor(readonly options: MessagingOptions) {
    this.firstConnect.promise.catch(() => undefined);
    void this.connectForEver();
  }

  /** Returns at once; connects behind the scenes, however long that takes. */
  static open(options: MessagingOptions): Messaging {
    return new Messaging(options);
  }

  /** Resolves once NATS has answered and the streams are there. */
  static async connect(options: MessagingOptions): Promise<Messaging> {
    const messaging = new Messaging(options);
    await messaging.ready();
    return messaging;
  }

  /** True while the connection is up. */
  get connected(): boolean {
    return this.up;
  }

  /** Throws StreamUnavailable before the first connect. While NATS is away later, the client is there and its calls time out. */
  get nc(): NatsConnection {
    return this.connection ?? this.never();
  }
  get js(): JetStreamClient {
    return this.client ?? this.never();
  }
  get jsm(): JetStreamManager {
    return this.manager ?? this.never();
  }

  /** Resolves after the first connect, with the streams ensured; rejects when closed before. */
  ready(): Promise<void> {
    return this.firstConnect.promise;
  }

  /** Called after the first connect and after each reconnect (at once if connected now). Returns how to stop it. */
  onConnected(listener: () => void): () => void {
    this.listeners.add(listener);
    if (this.up && this.ensured === undefined) listener();
    return () => this.listeners.delete(listener);
  }

  addIdleSource(source: IdleSource): () => void {
    this.idleSources.add(source);
    return () => this.idleSources.delete(source);
  }

  /**
   * Resolves when every consumer of this process has nothing pending and nothing unacked, and the outbox relay (if
   * there is one) has nothing unpublished. For tests; throws after `timeoutMs` and names who is still busy.
   */
  async idle({ timeoutMs = 15_000 }: { timeoutMs?: number } = {}): Promise<void> {
    const until = Date.now() + timeoutMs;
    let quietRounds = 0;
    let busy: string[] = [];
    // Two rounds, because a consumer seen idle first may have been fed by one seen later.
    while (quietRounds < 2) {
      busy = [];
      for (const source of this.idleSources) if (!(await source.idle().catch(() => false))) busy.push(source.name);
      quietRounds = busy.length === 0 ? quietRounds + 1 : 0;
      if (quietRounds >= 2) return;
      if (Date.now() > until) throw new Error(`Not idle after ${timeoutMs} ms: ${busy.join(', ')}`);
      if (busy.length > 0) await delay(10);
    }
  }

  /** For readiness checks: throws when the connection is down. */
  async check(): Promise<void> {
    if (!this.up) throw new StreamUnavailable('connection');
    await this.nc.rtt();
  }

  /** Sends what is buffered, then closes. Consumers must have been stopped before. */
  async close(): Promise<void> {
    if (this.closing.signal.aborted) return;
    this.closing.abort();
    this.firstConnect.reject(new StreamUnavailable('closed'));
    const nc = this.connection;
    if (!nc || nc.isClosed()) return;
    if (this.up) await Promise.race([nc.drain().catch(() => undefined), delay(5000, undefined, { ref: false })]);
    this.up = false;
    if (!nc.isClosed()) await nc.close();
  }

  private never(): never {
    throw new StreamUnavailable('not connected yet');
  }

  private async connectForEver(): Promise<void> {
    const { natsUrl, name } = this.options;
    for (let attempt = 0; !this.closing.signal.aborted; attempt++) {
      try {
        const nc = await connect({
          servers: natsUrl.split(',').map((url) => url.trim()),
          name,
          // No Error object is captured per request: twice the publishes a second.
          noAsyncTraces: true,
          maxReconnectAttempts: -1,
          reconnectTimeWait: 200,
          reconnectJitter: 200,
          ignoreAuthErrorAbort: true,
          pingInterval: 10_000,
          maxPingOut: 2,
          timeout: 5000,
        });
        if (this.closing.signal.aborted) return void (await nc.close());
        this.connection = nc;
        this.client = jetstream(nc);
        this.manager = await jetstreamManager(nc, { checkAPI: false });
        void this.watch(nc);
        await this.cameUp();
        return;
      } catch (error) {
        if (this.closing.signal.aborted) return;
        if (attempt % 20 === 0) log.warn({ error: AppError.wrap(error).code }, 'nats-away');
        await delay(Math.min(100 * 2 ** attempt, 1000), undefined, { signal: this.closing.signal }).catch(
          () => undefined,
        );
      }
    }
  }

  private async watch(nc: NatsConnection): Promise<void> {
    for await (const status of nc.status()) {
      if (status.type === 'disconnect') {
        this.up = false;
        log.warn('nats-disconnected');
      } else if (status.type === 'reconnect') {
        log.info('nats-reconnected');
        void this.cameUp();
      }
    }
    this.up = false;
    if (!this.closing.signal.aborted) log.error('nats-closed');
  }

  /** A server that lost its disk comes back without streams, so they are ensured on each connect. */
  private async cameUp(): Promise<void> {
    this.up = true;
    const ensured = (this.ensured = this.ensureUntilDone());
    await ensured;
    if (this.ensured !== ensured) return;
    this.ensured = undefined;
    if (!this.up || this.closing.signal.aborted) return;
    this.firstConnect.resolve();
    for (const listener of [...this.listeners]) listener();
  }

  private async ensureUntilDone(): Promise<void> {
    const { streams = STREAMS, replicas = 1 } = this.options;
    for (let attempt = 0; this.up && !this.closing.signal.aborted; attempt++) {
      try {
        const touched = await ensureStreams(this.jsm, { streams, replicas });
        if (touched.length > 0) log.info({ streams: touched }, 'streams-ensured');
        return;
      } catch (error) {
        log.warn({ reason: error instanceof Error ? error.message : 'unknown' }, 'streams-not-ensured');
        await delay(Math.min(100 * 2 ** attempt, 2000), undefined, { signal: this.closing.signal }).catch(
          () => undefined,
        );
      }
    }
  }
}
