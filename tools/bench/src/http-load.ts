import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

export interface LoadOptions {
  port: number;
  request: (sequence: number) => string;
  firstSequence: number;
  connections: number;
  /** Ends after so many requests … */
  count?: number;
  /** … or after this time, which begins when the warm-up is over. */
  durationMs?: number;
  warmUpMs?: number;
  /** Open loop at this rate; closed loop without. */
  ratePerSecond?: number;
  /** Asked before each request of a closed loop; after a `false` call `resume`. */
  maySend?: () => boolean;
  /** What an answer must hold, 2xx or not. */
  holding?: string;
  onSent?: (sequence: number, at: number) => void;
  onAccepted?: (sequence: number) => void;
}

export interface LoadResult {
  /** Requests written; their sequences have no gaps. */
  sent: number;
  accepted: number;
  /** Answered with something else than 2xx. */
  refused: number;
  /** Never answered: the connection broke. */
  broken: number;
  /** The first answer that was none of 2xx. */
  refusal?: string;
  /** Accepted in the measured time, a second. */
  perSecond: number;
  measuredMs: number;
  p50Ms: number;
  p99Ms: number;
  /** When measuring began and ended, by `performance.now()` of the generator. */
  from: number;
  to: number;
}

const HEADER_END = '\r\n\r\n';

/** Keep-alive connections, one request at a time on each, with as little work for a request as can be. */
export class HttpLoad {
  private readonly idle: Connection[] = [];
  private readonly all = new Set<Connection>();
  private readonly latencies: number[] = [];
  /** Open loop: when requests were due that found no free connection. */
  private readonly late: number[] = [];
  private next: number;
  private issued = 0;
  private accepted = 0;
  private refused = 0;
  private broken = 0;
  private refusal?: string;
  private acceptedInTime = 0;
  private startedAt = 0;
  private from = 0;
  private to = Infinity;
  private stopped = false;
  private readonly done = Promise.withResolvers<void>();
  private timer?: NodeJS.Timeout;

  constructor(private readonly options: LoadOptions) {
    this.next = options.firstSequence;
  }

  async run(): Promise<LoadResult> {
    const { connections, port, durationMs, warmUpMs = 0, ratePerSecond } = this.options;
    await Promise.all(
      Array.from({ length: connections }, async () => {
        const connection = new Connection(port, this);
        this.all.add(connection);
        await connection.open();
        this.idle.push(connection);
      }),
    );
    this.startedAt = performance.now();
    this.from = this.startedAt + warmUpMs;
    if (durationMs !== undefined) {
      this.to = this.from + durationMs;
      this.timer = setTimeout(() => this.stop(), warmUpMs + durationMs);
    }
    if (ratePerSecond === undefined) this.resume();
    else this.tick(ratePerSecond);
    await this.done.promise;
    clearTimeout(this.timer);
    const end = Math.min(performance.now(), this.to);
    for (const connection of this.all) connection.close();
    const sorted = Float64Array.from(this.latencies).sort();
    const measuredMs = end - this.from;
    return {
      sent: this.issued,
      accepted: this.accepted,
      refused: this.refused,
      broken: this.broken,
      refusal: this.refusal,
      perSecond: (this.acceptedInTime / measuredMs) * 1000,
      measuredMs,
      p50Ms: quantile(sorted, 0.5),
      p99Ms: quantile(sorted, 0.99),
      from: this.from,
      to: end,
    };
  }

  /** Closed loop: puts every free connection to work again. */
  resume(): void {
    if (this.options.ratePerSecond !== undefined) return;
    while (this.idle.length > 0 && this.mayIssue()) this.issue(this.idle.pop()!, performance.now());
  }

  get holding(): string | undefined {
    return this.options.holding;
  }

  answered(connection: Connection, ok: boolean, head: () => string): void {
    const now = performance.now();
    if (ok) {
      this.accepted++;
      this.options.onAccepted?.(connection.sequence);
      if (now >= this.from && now <= this.to) {
        this.acceptedInTime++;
        this.latencies.push(now - connection.dueAt);
      }
    } else {
      this.refused++;
      this.refusal ??= head();
    }
    this.free(connection, now);
  }

  lost(connection: Connection): void {
    this.broken++;
    this.free(connection, performance.now());
  }

  private free(connection: Connection, now: number): void {
    const due = this.late.shift();
    if (due !== undefined && !this.stopped) return this.issue(connection, due);
    if (this.options.ratePerSecond === undefined && this.mayIssue()) return this.issue(connection, now);
    this.idle.push(connection);
    if (this.finished && this.idle.length === this.all.size) this.done.resolve();
  }

  private get finished(): boolean {
    return this.stopped || (this.options.count !== undefined && this.issued >= this.options.count);
  }

  private mayIssue(): boolean {
    return !this.finished && (this.options.maySend?.() ?? true);
  }

  private issue(connection: Connection, dueAt: number): void {
    const sequence = this.next++;
    this.issued++;
    this.options.onSent?.(sequence, dueAt);
    connection.send(sequence, this.options.request(sequence), dueAt);
  }

  /** Requests fall due by the clock, however slow the answers are: what waits for a connection waits in its latency. */
  private tick(ratePerSecond: number): void {
    if (this.finished) return;
    const now = performance.now();
    const due = Math.floor(((now - this.startedAt) / 1000) * ratePerSecond);
    while (this.issued + this.late.length < due) {
      const connection = this.idle.pop();
      if (connection) this.issue(connection, now);
      else this.late.push(now);
    }
    setTimeout(() => this.tick(ratePerSecond), 1);
  }

  private stop(): void {
    this.stopped = true;
    if (this.idle.length === this.all.size) this.done.resolve();
  }
}

class Connection {
  sequence = -1;
  dueAt = 0;
  private socket!: Socket;
  private busy = false;
  private closing = false;
  private opened = false;
  private received: Buffer | undefined;
  /** Length of the last whole answer: the next one mostly has the same and needs no parsing. */
  private usual = -1;

  constructor(
    private readonly port: number,
    private readonly load: HttpLoad,
  ) {}

  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.opened = false;
      const socket = connect({ port: this.port, host: '127.0.0.1', noDelay: true }, () => {
        this.opened = true;
        resolve();
      });
      this.socket = socket;
      socket.on('data', (chunk: Buffer) => this.receive(chunk));
      socket.on('error', (error) => (this.opened ? undefined : reject(error)));
      socket.on('close', () => this.closed());
    });
  }

  send(sequence: number, request: string, dueAt: number): void {
    this.sequence = sequence;
    this.dueAt = dueAt;
    this.busy = true;
    this.socket.write(request, 'latin1');
  }

  close(): void {
    this.closing = true;
    this.socket.destroy();
  }

  private receive(chunk: Buffer): void {
    const data = this.received ? Buffer.concat([this.received, chunk]) : chunk;
    if (data.length !== this.usual) {
      const end = data.indexOf(HEADER_END);
      const length = end < 0 ? undefined : /\r\ncontent-length: *(\d+)/i.exec(data.toString('latin1', 0, end + 2))?.[1];
      if (length === undefined || data.length < end + HEADER_END.length + Number(length)) {
        this.received = data;
        return;
      }
      this.usual = data.length;
    }
    this.received = undefined;
    if (!this.busy) return;
    this.busy = false;
    const TWO = 0x32;
    const ok = data[9] === TWO && (this.load.holding === undefined || data.includes(this.load.holding));
    this.load.answered(this, ok, () => data.toString('latin1', 0, 1200));
  }

  private closed(): void {
    if (this.closing || !this.opened) return;
    this.received = undefined;
    let interrupted = false;
    const again = (): void => {
      interrupted ||= this.busy;
      this.busy = false;
      void this.open().then(
        () => (interrupted ? this.load.lost(this) : undefined),
        () => setTimeout(again, 50),
      );
    };
    again();
  }
}

export function quantile(sorted: ArrayLike<number>, q: number): number {
  return sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!;
}
