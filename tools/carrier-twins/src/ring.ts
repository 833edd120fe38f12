/** The newest `capacity` things; older ones fall off, and `onEvict` hears of them. */
export class Ring<T> {
  private slots: T[] = [];
  private next = 0;

  constructor(
    private readonly capacity: number,
    private readonly onEvict?: (item: T) => void,
  ) {}

  get size(): number {
    return Math.min(this.next, this.capacity);
  }

  push(item: T): void {
    const slot = this.next % this.capacity;
    if (this.next >= this.capacity) this.onEvict?.(this.slots[slot] as T);
    this.slots[slot] = item;
    this.next += 1;
  }

  *newestFirst(): Generator<T> {
    const oldest = this.next - this.size;
    for (let index = this.next - 1; index >= oldest; index -= 1) yield this.slots[index % this.capacity] as T;
  }

  /** As `newestFirst`, without the cost of a generator: lists scan hundreds of thousands of rows. */
  eachNewestFirst(visit: (item: T) => void): void {
    const oldest = this.next - this.size;
    for (let index = this.next - 1; index >= oldest; index -= 1) visit(this.slots[index % this.capacity] as T);
  }

  clear(): void {
    this.slots = [];
    this.next = 0;
  }
}
