import { AppError } from '@strowger/kernel';

export class TooManyRequests extends AppError {
  constructor(whose: string, retryAfterSeconds: number) {
    super(
      'rate-limited',
      'rate-limited',
      `Too many requests of this kind ${whose}. Try again in ${retryAfterSeconds} ${retryAfterSeconds === 1 ? 'second' : 'seconds'}.`,
      {},
      { retryAfterSeconds },
    );
  }
}

export interface Rate {
  perSecond: number;
  /** So many at once after a pause. */
  burst: number;
}

/** A pause fills every bucket again, so the full ones need not be kept. */
const MOST_BUCKETS = 100_000;

/** Buckets of tokens by key, each filled at the rate and never above the burst. */
export class Buckets {
  private readonly byKey = new Map<string, { tokens: number; at: number }>();

  constructor(
    private readonly rate: Rate,
    private readonly now: () => number,
  ) {}

  /** Takes one or more; seconds to wait when there is none. Many at once may leave less than nothing, to be waited for. */
  take(key: string, count = 1): number {
    const wait = this.waitOf(key);
    if (wait > 0) return wait;
    const at = this.now();
    const bucket = this.byKey.get(key);
    if (!bucket && this.byKey.size >= MOST_BUCKETS) this.makeRoom(at);
    this.byKey.set(key, { tokens: (bucket ? this.filled(bucket, at) : this.rate.burst) - count, at });
    return 0;
  }

  /** Seconds to wait for one. */
  waitOf(key: string): number {
    const bucket = this.byKey.get(key);
    const tokens = bucket ? this.filled(bucket, this.now()) : this.rate.burst;
    return tokens < 1 ? Math.max(1, Math.ceil((1 - tokens) / this.rate.perSecond)) : 0;
  }

  private filled({ tokens, at }: { tokens: number; at: number }, now: number): number {
    return Math.min(this.rate.burst, tokens + (Math.max(0, now - at) / 1000) * this.rate.perSecond);
  }

  /** A flood of different keys must not eat the memory: the full ones go, then the oldest tenth. */
  private makeRoom(now: number): void {
    for (const [key, bucket] of this.byKey) if (this.filled(bucket, now) >= this.rate.burst) this.byKey.delete(key);
    if (this.byKey.size < MOST_BUCKETS) return;
    const oldest = [...this.byKey.keys()].slice(0, MOST_BUCKETS / 10);
    for (const key of oldest) this.byKey.delete(key);
  }
}

/**
 * How often a caller may ask, and how often about one account. Kept in this process: N gateways let N times as much
 * through. The account's is looked at first, so that one client gone mad does not use up what is there for all.
 */
export class RequestRates {
  private readonly callers: Buckets;
  private readonly accounts: Buckets;

  constructor(rates: { caller: Rate; account: Rate }, now: () => number = Date.now) {
    this.callers = new Buckets(rates.caller, now);
    this.accounts = new Buckets(rates.account, now);
  }

  /** @throws TooManyRequests with the time to wait */
  admit(caller: string, account: string): void {
    const accountWait = this.accounts.take(`${caller}\0${account}`);
    if (accountWait > 0) throw new TooManyRequests('for this account', accountWait);
    const callerWait = this.callers.take(caller);
    if (callerWait > 0) throw new TooManyRequests('by this caller', callerWait);
  }
}
