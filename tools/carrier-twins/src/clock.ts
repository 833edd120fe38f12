/**
 * The time the carriers believe it is: real time plus an offset, or standing still. Message Exchange jobs and every date on
 * the wire follow it; delivery timings of single messages stay on real time, so a frozen clock does not stop traffic.
 */
export class VirtualClock {
  private offsetMs = 0;
  private frozenAtMs: number | undefined;

  /** Milliseconds since the epoch. */
  now(): number {
    return this.frozenAtMs ?? Date.now() + this.offsetMs;
  }

  advance(ms: number): void {
    if (this.frozenAtMs === undefined) this.offsetMs += ms;
    else this.frozenAtMs += ms;
  }

  freeze(): void {
    this.frozenAtMs ??= this.now();
  }

  /** Runs on from where it stood. */
  resume(): void {
    if (this.frozenAtMs === undefined) return;
    this.offsetMs = this.frozenAtMs - Date.now();
    this.frozenAtMs = undefined;
  }

  reset(offsetMs = 0): void {
    this.frozenAtMs = undefined;
    this.offsetMs = offsetMs;
  }

  view(): ClockView {
    return {
      now: new Date(this.now()).toISOString(),
      offsetMs: this.now() - Date.now(),
      frozen: this.frozenAtMs !== undefined,
    };
  }
}

export interface ClockView {
  /** ISO-8601. */
  now: string;
  offsetMs: number;
  frozen: boolean;
}
