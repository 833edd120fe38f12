/**
 * Values under sequences that are given out in order and taken back about so. A Map would do, but each time it has seen
 * enough comings and goings it moves to a new table to which the old one points; once one of them has lived long enough to
 * be the old generation's, all later ones and what they hold outlive every quick collection, which costs a third of the rate.
 */
export class InFlight<T> {
  private slots = new Array<T | undefined>(1024).fill(undefined);
  /** Nothing below is held. */
  private low = 0;
  /** Nothing from here on is held. */
  private end = 0;
  private held = 0;

  get size(): number {
    return this.held;
  }

  /** @param sequence higher than all before */
  add(sequence: number, value: T): void {
    if (this.held === 0) this.low = sequence;
    if (sequence - this.low >= this.slots.length) this.grow(sequence);
    this.end = sequence + 1;
    this.slots[sequence % this.slots.length] = value;
    this.held++;
  }

  get(sequence: number): T | undefined {
    return sequence >= this.low && sequence < this.end ? this.slots[sequence % this.slots.length] : undefined;
  }

  delete(sequence: number): void {
    if (this.get(sequence) === undefined) return;
    this.slots[sequence % this.slots.length] = undefined;
    this.held--;
    while (this.low < this.end && this.slots[this.low % this.slots.length] === undefined) this.low++;
  }

  /** Oldest first. What is looked at may be deleted. */
  *[Symbol.iterator](): Generator<[sequence: number, value: T]> {
    for (let sequence = this.low; sequence < this.end; sequence++) {
      const value = this.get(sequence);
      if (value !== undefined) yield [sequence, value];
    }
  }

  /** To room for `next`. */
  private grow(next: number): void {
    const before = this.slots;
    let { length } = before;
    while (next - this.low >= length) length *= 2;
    this.slots = new Array<T | undefined>(length).fill(undefined);
    for (let sequence = this.low; sequence < this.end; sequence++)
      this.slots[sequence % length] = before[sequence % before.length];
  }
}
