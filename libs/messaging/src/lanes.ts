import { inBackground } from '@strowger/telemetry';

/** Work in lanes: within one it keeps its order and never overlaps, and several lanes go on at once. */
export interface LaneWork {
  /** For facts: their aggregate. */
  readonly lane: string;
  /** What may run together. For facts: their type. */
  readonly kind: string;
}

export interface LanesOptions<W> {
  /** Runs at once. */
  concurrency: number;
  /** Works of this kind that one run takes together at most, each the first of its lane. */
  most: (kind: string) => number;
  /** The lanes of these works go on when it resolves. */
  run: (works: readonly W[]) => Promise<unknown>;
}

export class Lanes<W extends LaneWork> {
  private readonly lanes = new Map<string, W[]>();
  /** Lanes whose first work may begin. */
  private readonly ready: string[] = [];
  private active = 0;
  private closed = false;
  private whenQuiet?: () => void;

  constructor(private readonly options: LanesOptions<W>) {}

  add(work: W): void {
    const lane = this.lanes.get(work.lane);
    if (lane) lane.push(work);
    else {
      this.lanes.set(work.lane, [work]);
      this.ready.push(work.lane);
    }
    this.schedule();
  }

  /** Begins nothing more. */
  close(): void {
    this.closed = true;
  }

  /** Forgets all works and returns them, those under way too. */
  clear(): W[] {
    const works = [...this.lanes.values()].flat();
    this.lanes.clear();
    this.ready.length = 0;
    return works;
  }

  /** Resolves when nothing is under way. */
  async quiet(): Promise<void> {
    if (this.active > 0) await new Promise<void>((resolve) => (this.whenQuiet = resolve));
  }

  private schedule(): void {
    while (this.active < this.options.concurrency && !this.closed) {
      const key = this.ready.shift();
      const work = key === undefined ? undefined : this.lanes.get(key)?.[0];
      if (!work) return;
      this.active++;
      const works = [work, ...this.alike(work)];
      const done = this.options.run(works).finally(() => {
        this.active--;
        for (const { lane } of works) this.leave(lane);
        if (this.active === 0) this.whenQuiet?.();
        this.schedule();
      });
      inBackground('lane', done);
    }
  }

  /** What else is ready and may run together with this one. */
  private alike({ kind }: W): W[] {
    const most = this.options.most(kind);
    const works: W[] = [];
    for (let at = 0; at < this.ready.length && works.length < most - 1;) {
      const other = this.lanes.get(this.ready[at]!)?.[0];
      if (other?.kind === kind) {
        works.push(other);
        this.ready.splice(at, 1);
      } else at++;
    }
    return works;
  }

  /** The first of the lane is through. */
  private leave(key: string): void {
    const lane = this.lanes.get(key);
    if (!lane) return;
    lane.shift();
    if (lane.length === 0) this.lanes.delete(key);
    else this.ready.push(key);
  }
}
