import { setTimeout as delay } from 'node:timers/promises';
import type { NatsConnection } from '@nats-io/transport-node';
import { jetstream, jetstreamManager, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import { NatsLink } from '@strowger/rpc';
import { guarded, logger } from '@strowger/telemetry';
import { StreamUnavailable } from './errors.js';
import { ensureStreams, STREAMS, type StreamSpec } from './streams.js';

export interface MessagingOptions {
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

/** JetStream on the process's connection to NATS. Streams are ensured on every connect. */
export class Messaging {
  private client?: JetStreamClient;
  private manager?: JetStreamManager;
  private readonly closing = new AbortController();
  private readonly listeners = new Set<() => void>();
  private readonly idleSources = new Set<IdleSource>();
  private readonly firstConnect = Promise.withResolvers<void>();
  private readonly unlisten: () => void;
  private ensured?: Promise<void>;

  /**
   * Returns at once; what needs the streams waits for `ready()` or is refused until then.
   * @param closeLink when the connection is ours alone
   */
  constructor(
    private readonly link: NatsLink,
    readonly options: MessagingOptions = {},
    private readonly closeLink?: () => Promise<void>,
  ) {
    this.firstConnect.promise.catch(() => undefined);
    this.unlisten = link.onUp(guarded('messaging-up', () => this.cameUp()));
  }

  /** On a connection of its own, for tools and specs. */
  static open({ natsUrl, name, ...options }: MessagingOptions & { natsUrl: string; name: string }): Messaging {
    const link = new NatsLink(natsUrl, name);
    return new Messaging(link, options, () => link.close());
  }

  /** The same, once NATS has answered and the streams are there. */
  static async connect(options: Parameters<typeof Messaging.open>[0]): Promise<Messaging> {
    const messaging = Messaging.open(options);
    await messaging.ready();
    return messaging;
  }

  /** True while the connection is up. */
  get connected(): boolean {
    return this.link.up && !this.closing.signal.aborted;
  }

  /** Throws StreamUnavailable before the first connect. While NATS is away later, the client is there and its calls time out. */
  get nc(): NatsConnection {
    return this.link.current ?? this.never();
  }
  get js(): JetStreamClient {
    return (this.client ??= jetstream(this.nc));
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
    if (this.connected && this.ensured === undefined) listener();
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
    if (!this.connected) throw new StreamUnavailable('connection');
    await this.nc.rtt();
  }

  /** Uses the connection no more; what is buffered goes out when the connection closes. Consumers must have been stopped before. */
  async close(): Promise<void> {
    if (this.closing.signal.aborted) return;
    this.closing.abort();
    this.unlisten();
    this.firstConnect.reject(new StreamUnavailable('closed'));
    await this.closeLink?.();
  }

  private never(): never {
    throw new StreamUnavailable('not connected yet');
  }

  /** A server that lost its disk comes back without streams, so they are ensured on each connect. */
  private async cameUp(): Promise<void> {
    const ensured = (this.ensured = this.ensureUntilDone());
    await ensured;
    if (this.ensured !== ensured) return;
    this.ensured = undefined;
    if (!this.connected) return;
    this.firstConnect.resolve();
    for (const listener of [...this.listeners]) guarded('messaging-connected', listener)();
  }

  private async ensureUntilDone(): Promise<void> {
    const { streams = STREAMS, replicas = 1 } = this.options;
    for (let attempt = 0; this.connected; attempt++) {
      try {
        this.manager ??= await jetstreamManager(this.nc, { checkAPI: false });
        const touched = await ensureStreams(this.manager, { streams, replicas });
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
