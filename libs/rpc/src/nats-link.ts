import { setTimeout as wait } from 'node:timers/promises';
import { guarded, inBackground, logger } from '@strowger/telemetry';
import { connect, type NatsConnection } from '@nats-io/transport-node';

const log = logger('nats');
const RETRY_MS = 250;

/**
 * The process's one connection to NATS: requests, replies and the streams share it. It is made when the server appears,
 * comes back for ever whenever it was away, and says whether it is there now.
 */
export class NatsLink {
  private readonly aborted = new AbortController();
  private readonly made: Promise<NatsConnection>;
  private readonly listeners = new Set<() => void>();
  private nc: NatsConnection | undefined;
  private connected = false;

  /**
   * @param servers one URL, or several separated by commas
   * @param name shown in the server's list of connections: the service's
   */
  constructor(
    servers: string,
    private readonly name: string,
  ) {
    this.made = this.open(
      servers
        .split(',')
        .map((s) => s.trim())
        .filter(Boolean),
    );
    this.made.catch(() => undefined);
  }

  get up(): boolean {
    return this.connected;
  }

  /** Once there was one; it may be down now (`up`). */
  get current(): NatsConnection | undefined {
    return this.nc;
  }

  /** Resolves once connected for the first time; rejects when closed before that. */
  connection(): Promise<NatsConnection> {
    return this.made;
  }

  /** Calls the listener on the first connect and on each reconnect, at once when connected now. Returns how to stop it. */
  onUp(listener: () => void): () => void {
    this.listeners.add(listener);
    if (this.connected) listener();
    return () => this.listeners.delete(listener);
  }

  /** For readiness: rejects while the connection is down. */
  async check(): Promise<void> {
    if (!this.connected) throw new Error('NATS is not connected');
  }

  /** Sends what is buffered and closes; gives up on sending after five seconds, because the server may be away. */
  async close(): Promise<void> {
    this.aborted.abort();
    const nc = this.nc ?? (await this.made.catch(() => undefined));
    if (!nc || nc.isClosed()) return;
    if (this.connected) await Promise.race([nc.drain().catch(() => undefined), wait(5_000, undefined, { ref: false })]);
    this.connected = false;
    await nc.close();
  }

  private async open(servers: string[]): Promise<NatsConnection> {
    for (let attempt = 1; ; attempt++) {
      this.aborted.signal.throwIfAborted();
      const nc = await connect({
        servers,
        name: this.name,
        maxReconnectAttempts: -1,
        reconnectTimeWait: RETRY_MS,
        reconnectJitter: RETRY_MS,
        pingInterval: 10_000,
        maxPingOut: 2,
        // No error object captured per request: it costs a third of the throughput.
        noAsyncTraces: true,
        // Credentials are rotated on the server first; a connection that gave up for good would need a restart.
        ignoreAuthErrorAbort: true,
        timeout: 5_000,
      }).catch((error: unknown) => {
        if (attempt === 1) log.warn({ connection: this.name, err: error }, 'nats-not-reachable');
      });
      if (nc) {
        this.nc = nc;
        inBackground('nats-status', this.watch(nc));
        this.cameUp();
        return nc;
      }
      await wait(RETRY_MS, undefined, { signal: this.aborted.signal });
    }
  }

  private async watch(nc: NatsConnection): Promise<void> {
    for await (const { type } of nc.status()) {
      if (type === 'disconnect') {
        this.connected = false;
        if (!this.aborted.signal.aborted) log.warn({ connection: this.name }, 'nats-disconnected');
      } else if (type === 'reconnect') {
        log.info({ connection: this.name }, 'nats-reconnected');
        this.cameUp();
      }
    }
    this.connected = false;
    if (!this.aborted.signal.aborted) log.error({ connection: this.name }, 'nats-closed');
  }

  private cameUp(): void {
    this.connected = true;
    for (const listener of [...this.listeners]) guarded('nats-up', listener)();
  }
}
