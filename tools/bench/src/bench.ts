import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { AppService } from '../../setup/service-env.ts';
import type { Stack, StackService } from '../../setup/stack.ts';
import { type Load, type LoadOrder, type LoadReport } from './load.js';
import type { Report } from './report.js';
import type { Tenant } from './tenant.js';

export interface Sizes {
  quick: boolean;
  warmUpMs: number;
  measureMs: number;
  /** Times F and ingest.accept take turns. */
  rounds: number;
  inboundMs: number;
  latencyMs: number;
  /** Texts queued, and how long texts are sent while all runs. */
  outbound: number;
  sendingMs: number;
  provisioned: number;
  drain: number;
  paths: number;
  listed: { few: number; many: number };
}

export const SIZES: Record<'full' | 'quick', Sizes> = {
  full: {
    quick: false,
    warmUpMs: 2000,
    measureMs: 5000,
    rounds: 2,
    inboundMs: 12_000,
    latencyMs: 10_000,
    outbound: 10_000,
    sendingMs: 12_000,
    provisioned: 400,
    drain: 60_000,
    paths: 4000,
    listed: { few: 10_000, many: 1_000_000 },
  },
  quick: {
    quick: true,
    warmUpMs: 500,
    measureMs: 1000,
    rounds: 1,
    inboundMs: 2000,
    latencyMs: 2000,
    outbound: 1000,
    sendingMs: 4000,
    provisioned: 100,
    drain: 5000,
    paths: 500,
    listed: { few: 10_000, many: 100_000 },
  },
};

export const CONNECTIONS = 96;
export const MOST_IN_FLIGHT = 5000;
const DELIVERIES = { stream: 'INGESTION', consumer: 'routing-deliveries' };

/** What the measurements share: the system under test, its tenant, the load generator and the floor's process. */
export class Bench {
  readonly run = randomBytes(5).toString('hex');
  private nextSequence = 0;
  private readonly peaks = new Map<string, number>();
  private floorChild?: ChildProcess;
  private nats?: NatsConnection;
  /** Times texts were sent: their keys must differ. */
  textRuns = 0;
  /** Webhooks accepted so far, over all measurements. */
  accepted = 0;

  constructor(
    readonly stack: Stack,
    readonly tenant: Tenant,
    readonly load: Load,
    readonly sizes: Sizes,
    readonly report: Report,
  ) {}

  /** Starts the bare server once. Answers its port. */
  async floorPort(): Promise<number> {
    if (this.floorChild) return this.floor;
    const child = fork(fileURLToPath(new URL('./floor.js', import.meta.url)), { stdio: ['ignore', 2, 2, 'ipc'] });
    this.floorChild = child;
    this.floor = await new Promise<number>((resolve, reject) => {
      child.once('message', (message) => resolve((message as { port: number }).port));
      child.once('exit', (code) => reject(new Error(`the floor's server ended (${code})`)));
    });
    return this.floor;
  }
  private floor = 0;
  async floorPid(): Promise<number> {
    await this.floorPort();
    return this.floorChild!.pid!;
  }

  /** Webhooks to the floor's server or to ingestion, each with a sequence of its own. */
  async webhooks(
    to: 'floor' | 'ingestion',
    order: Partial<LoadOrder>,
  ): Promise<LoadReport & { firstSequence: number }> {
    const { tenant } = this;
    const { port } = new URL(tenant.platform.webhookUrl);
    const firstSequence = this.nextSequence;
    const report = await this.load.run({
      port: to === 'floor' ? await this.floorPort() : Number(port),
      connections: CONNECTIONS,
      firstSequence,
      plan: {
        kind: 'hook',
        path: tenant.hookPath,
        account: tenant.account.sid,
        run: this.run,
        numbers: tenant.users.map(({ number }) => number),
        remotes: tenant.remotes,
      },
      ...order,
    });
    if (to === 'ingestion') {
      this.nextSequence += report.sent;
      this.accepted += report.accepted;
    }
    if (report.refused + report.broken > 0)
      this.report.fail(
        `${to}: of ${report.sent} webhooks ${report.refused} were refused and ${report.broken} got no answer. ${report.refusal ?? ''}`,
      );
    return { ...report, firstSequence };
  }

  /** The value of a metric without labels. */
  async metric(service: AppService, name: string): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.stack.ports[`${service}Ops`]}/metrics`);
    const line = new RegExp(`^${name} (\\S+)$`, 'm').exec(await response.text());
    return line ? Number(line[1]) : 0;
  }

  async natsConnection(): Promise<NatsConnection> {
    if (!this.nats || this.nats.isClosed())
      this.nats = await connect({
        servers: this.stack.urls.natsUrl,
        noAsyncTraces: true,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 50,
      });
    return this.nats;
  }
  async jsm(): Promise<JetStreamManager> {
    return jetstreamManager(await this.natsConnection());
  }

  /** Deliveries in the stream that routing has not acked: waiting and under way. */
  async unrouted(): Promise<number> {
    const jsm = await this.jsm();
    const { num_pending, num_ack_pending } = await jsm.consumers.info(DELIVERIES.stream, DELIVERIES.consumer);
    return num_pending + num_ack_pending;
  }

  /** Until routing has stored everything that is in the stream. */
  async routed(timeoutMs = 180_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    for (let left = await this.unrouted(); left > 0; left = await this.unrouted()) {
      if (Date.now() > deadline)
        throw new Error(`routing still has ${left} deliveries before it after ${timeoutMs / 1000} s`);
      await wait(25);
    }
  }

  /** Every accepted webhook is one row, no more and no less. Call when routed. */
  async checkStored(what: string): Promise<number> {
    const [row] = await this.tenant.sql(
      `select count(*)::int as stored, count(distinct carrier_message_id)::int as distinct_ids from routing.message where direction = 'inbound' and platform_id = $1`,
      [this.tenant.platform.id],
    );
    const stored = Number(row!['stored']);
    if (stored !== this.accepted || Number(row!['distinct_ids']) !== stored)
      this.report.fail(`${what}: ${this.accepted} webhooks were accepted, ${stored} messages are stored`);
    return stored;
  }

  /** Peak resident memory of each service so far, MB; remembers those that have been restarted since. */
  memory(): Map<string, number> {
    for (const { name, pid } of this.stack.children.values()) {
      const status = readStatus(pid);
      const kib = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
      this.peaks.set(name, Math.max(this.peaks.get(name) ?? 0, kib / 1024));
    }
    return this.peaks;
  }

  /** Stops a service the orderly way, its peak of memory noted. */
  async stopService(service: StackService): Promise<void> {
    this.memory();
    await this.stack.stopService(service);
  }

  async close(): Promise<void> {
    this.floorChild?.removeAllListeners('exit');
    this.floorChild?.kill();
    await this.load.stop();
    await this.nats?.close().catch(() => undefined);
  }
}

function readStatus(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
}
