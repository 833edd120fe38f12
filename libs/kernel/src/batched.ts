import { AppError } from './app-error.js';

/**
 * Natural batching: what arrives while one batch is under way goes into the next as one. A lone item waits for nothing; a
 * thousand calls at once become a few statements. There is no timer and no size to wait for.
 */
export interface BatchedOptions<I> {
  /** Items of one batch. With `weigh`, a batch is full once its items weigh this much. Default: no limit. */
  most?: number;
  weigh?: (item: I) => number;
  /** Batches under way at once. Default 1: each carries as much as possible, and batches keep the order of arrival. */
  atOnce?: number;
  /** With several at once: one begins beside another only when it is full, or when the last has taken this long. */
  slowMs?: number;
  /** Begins in the call itself. By default what else arrives in this turn of the event loop comes along. */
  eager?: boolean;
  /**
   * What a failed batch means. `all`: each of its callers gets the error. `each`: nothing of it happened, so its items
   * run again one by one, in order, and only those that fail alone get an error; but not while what they need is away,
   * which would be found out as often as there are items. Default `all`.
   */
  onFailure?: 'all' | 'each';
}

interface Waiting<I, O> {
  item: I;
  resolve: (outcome: O) => void;
  reject: (error: unknown) => void;
}

/**
 * Gathers items and works them off together. The number of batches under way is bounded; items are not refused, so
 * callers must wait for the outcome of theirs before they add the next without end.
 */
export class Batched<I, O = void> {
  private readonly waiting: Waiting<I, O>[] = [];
  private readonly idleWaiters: (() => void)[] = [];
  private held = 0;
  private underWay = 0;
  private beganAt = 0;
  private armed = false;

  /** @param run answers in the order of its items; one whose outcomes are nothing may answer `[]` */
  constructor(
    private readonly run: (items: I[]) => Promise<readonly O[]>,
    private readonly options: BatchedOptions<I> = {},
  ) {}

  /** Items that wait or are under way. */
  get size(): number {
    return this.held;
  }

  add(item: I): Promise<O> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      this.held++;
      this.begin();
    });
  }

  /** Resolves when nothing waits and nothing is under way. */
  async idle(): Promise<void> {
    while (this.held > 0) await new Promise<void>((resolve) => this.idleWaiters.push(resolve));
  }

  private begin(): void {
    if (this.options.eager) {
      while (this.mayBegin()) void this.work(this.take());
      return;
    }
    if (this.armed || !this.mayBegin()) return;
    this.armed = true;
    setImmediate(() => {
      this.armed = false;
      void this.work(this.take());
      this.begin();
    });
  }

  private mayBegin(): boolean {
    const { atOnce = 1, slowMs, most = Infinity } = this.options;
    if (this.waiting.length === 0 || this.underWay >= atOnce) return false;
    if (this.underWay === 0 || slowMs === undefined) return true;
    return this.waiting.length >= most || performance.now() - this.beganAt > slowMs;
  }

  private take(): Waiting<I, O>[] {
    const { most = Infinity, weigh } = this.options;
    if (!weigh) return this.waiting.splice(0, most);
    let count = 0;
    for (let weight = 0; weight < most && count < this.waiting.length; count++)
      weight += weigh(this.waiting[count]!.item);
    return this.waiting.splice(0, count);
  }

  private async work(batch: Waiting<I, O>[]): Promise<void> {
    this.underWay++;
    if (this.options.slowMs !== undefined) this.beganAt = performance.now();
    await this.settle(batch);
    this.underWay--;
    this.begin();
    if (this.held === 0) for (const resolve of this.idleWaiters.splice(0)) resolve();
  }

  private async settle(batch: readonly Waiting<I, O>[]): Promise<void> {
    let outcomes: readonly O[];
    try {
      outcomes = await this.run(batch.map(({ item }) => item));
    } catch (error) {
      const away = AppError.wrap(error).kind === 'unavailable';
      if (batch.length > 1 && this.options.onFailure === 'each' && !away) {
        for (const one of batch) await this.settle([one]);
        return;
      }
      this.held -= batch.length;
      for (const { reject } of batch) reject(error);
      return;
    }
    this.held -= batch.length;
    for (const [at, { resolve }] of batch.entries()) resolve(outcomes[at]!);
  }
}

/** A `Batched` for each key: items of different keys never share a batch and never wait for each other. */
export class BatchedByKey<I, O = void> {
  private readonly byKey = new Map<string, Batched<I, O>>();

  constructor(
    private readonly run: (items: I[]) => Promise<readonly O[]>,
    private readonly options: BatchedOptions<I> = {},
  ) {}

  /** Keys under which something waits or is under way. */
  get size(): number {
    return this.byKey.size;
  }

  async add(key: string, item: I): Promise<O> {
    let own = this.byKey.get(key);
    if (!own) this.byKey.set(key, (own = new Batched(this.run, this.options)));
    try {
      return await own.add(item);
    } finally {
      if (own.size === 0 && this.byKey.get(key) === own) this.byKey.delete(key);
    }
  }
}
