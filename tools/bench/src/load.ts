import { Worker } from 'node:worker_threads';
import type { ClientLogin, Sightings } from './clients.js';
import type { LoadOptions, LoadResult } from './http-load.js';
import type { RequestPlan } from './requests.js';

export interface LoadOrder extends Pick<
  LoadOptions,
  'port' | 'firstSequence' | 'connections' | 'count' | 'durationMs' | 'warmUpMs' | 'ratePerSecond'
> {
  plan: RequestPlan;
  /** Most messages sent and not yet seen by their client. */
  maxInFlight?: number;
  /** Ends only when the clients have seen what was accepted, or nothing more comes. */
  awaitFrames?: boolean;
}
export interface LoadReport extends LoadResult {
  sightings?: Sightings;
  /** Client sockets that closed without being asked to. */
  dropped: number;
}

export type WorkerCall =
  | { op: 'load'; order: LoadOrder }
  | { op: 'connect'; gatewayUrl: string; logins: readonly ClientLogin[] }
  | { op: 'disconnect' };
export interface WorkerReply {
  id: number;
  value?: unknown;
  error?: string;
}

/** The load generator's thread. */
export class Load {
  private readonly worker = new Worker(new URL('./load-worker.js', import.meta.url));
  private readonly waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  private lastId = 0;

  constructor() {
    this.worker.on('message', ({ id, value, error }: WorkerReply) => {
      const call = this.waiting.get(id);
      this.waiting.delete(id);
      if (error === undefined) call?.resolve(value);
      else call?.reject(new Error(error));
    });
    this.worker.on('error', (error: Error) => {
      for (const { reject } of this.waiting.values()) reject(error);
      this.waiting.clear();
    });
  }

  run(order: LoadOrder): Promise<LoadReport> {
    return this.call({ op: 'load', order }) as Promise<LoadReport>;
  }
  async connect(gatewayUrl: string, logins: readonly ClientLogin[]): Promise<void> {
    await this.call({ op: 'connect', gatewayUrl, logins });
  }
  async disconnect(): Promise<void> {
    await this.call({ op: 'disconnect' });
  }
  async stop(): Promise<void> {
    await this.worker.terminate();
  }

  private call(call: WorkerCall): Promise<unknown> {
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, call });
    });
  }
}
