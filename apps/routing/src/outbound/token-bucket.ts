/** `rate` a second, `burst` at once. Rate 0 has no limit. Times in milliseconds. */
export class TokenBucket {
  private tokens: number;
  private at: number;

  constructor(
    private rate: number,
    private readonly burst: number,
    now: number,
  ) {
    this.tokens = burst;
    this.at = now;
  }

  /** Takes `count` and returns 0, or takes nothing and returns how long to wait. */
  take(count: number, now: number): number {
    if (this.rate === 0) return 0;
    this.tokens = Math.min(this.burst, this.tokens + ((now - this.at) / 1000) * this.rate);
    this.at = now;
    // A message larger than the burst goes when the bucket is full.
    const needed = Math.min(count, this.burst);
    if (this.tokens >= needed) {
      this.tokens -= count;
      return 0;
    }
    return Math.ceil(((needed - this.tokens) / this.rate) * 1000);
  }

  set ratePerSecond(rate: number) {
    this.rate = rate;
  }

  /** Full again, so that it can be forgotten. */
  isFull(now: number): boolean {
    return this.tokens + ((now - this.at) / 1000) * this.rate >= this.burst;
  }
}
