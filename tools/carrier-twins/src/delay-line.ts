interface Waiting<T> {
  item: T;
  dueAtMs: number;
}

/** Hands items on after a constant delay, in order, with one timer for all: thousands of items a second wait at once. */
export class DelayLine<T> {
  private queue: Waiting<T>[] = [];
  private head = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly delayMs: number,
    private readonly release: (item: T) => void,
  ) {}

  push(item: T): void {
    this.queue.push({ item, dueAtMs: performance.now() + this.delayMs });
    this.timer ??= setTimeout(() => this.flush(), this.delayMs);
  }

  get waiting(): number {
    return this.queue.length - this.head;
  }

  clear(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.queue = [];
    this.head = 0;
  }

  private flush(): void {
    this.timer = undefined;
    const now = performance.now() + 1;
    while (this.head < this.queue.length && this.queue[this.head]!.dueAtMs <= now) {
      const { item } = this.queue[this.head]!;
      this.head += 1;
      this.release(item);
    }
    if (this.head === this.queue.length) {
      this.queue = [];
      this.head = 0;
      return;
    }
    if (this.head > 4096) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
    this.timer ??= setTimeout(() => this.flush(), Math.max(1, this.queue[this.head]!.dueAtMs - performance.now()));
  }
}
