import { setTimeout as wait } from 'node:timers/promises';
import { logger } from '@strowger/telemetry';
import { connect, type NatsConnection } from '@nats-io/transport-node';

const log = logger('nats');
const RETRY_MS = 250;

/** One NATS connection that is made when the server appears, comes back whenever it was away, and says whether it is there now. */
export class NatsLink {
  private readonly aborted = new AbortController();
  private readonly made: Promise<NatsConnection>;
  private nc: NatsConnection | undefined;
  private connected = false;

  /** @param servers one URL, or several separated by commas. */
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

  /** Resolves once connected for the first time; rejects when closed before that. */
  connection(): Promise<NatsConnection> {
    return this.made;
  }

  /** Flushes and closes; gives up on flushing after a second, because the server may be away. */
  async close(): Promise<void> {
    this.aborted.abort();
    const nc = this.nc ?? (await this.made.catch(() => undefined));
    if (!nc || nc.isClosed()) return;
    if (this.connected) await Promise.race([nc.drain().catch(() => undefined), wait(1_000, undefined, { ref: false })]);
    await nc.close();
    this.connected = false;
  }

  private async open(servers: string[]): Promise<NatsConnection> {
    for (let attempt = 1; ; attempt++) {
      this.aborted.signal.throwIfAborted();
      try {
        // No error object captured per request: it costs a third of the throughput.
        const nc = await connect({
          servers,
          name: this.name,
          maxReconnectAttempts: -1,
          reconnectTimeWait: RETRY_MS,
          noAsyncTraces: true,
          // Credentials are rotated on the server first; a connection that gave up for good would need a restart.
          ignoreAuthErrorAbort: true,
          timeout: 5_000,
        });
        this.nc = nc;
        this.connected = true;
        void this.watch(nc);
        return nc;
      } catch (error) {
        if (attempt === 1) log.warn({ connection: this.name, err: error }, 'nats-not-reachable');
        await wait(RETRY_MS, undefined, { signal: this.aborted.signal });
      }
    }
  }

  private async watch(nc: NatsConnection): Promise<void> {
    for await (const { type } of nc.status()) {
      if (type === 'disconnect') {
        this.connected = false;
        if (!this.aborted.signal.aborted) log.warn({ connection: this.name }, 'nats-disconnected');
      } else if (type === 'reconnect') {
        this.connected = true;
        log.info({ connection: this.name }, 'nats-reconnected');
      }
    }
    this.connected = false;
  }
}
