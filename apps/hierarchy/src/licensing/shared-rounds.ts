interface Waiting<I, O> {
  item: I;
  resolve: (outcome: O) => void;
  reject: (error: unknown) => void;
}
interface Line<I, O> {
  waiting: Waiting<I, O>[];
  underWay: number;
}

/** Large enough to share a commit among many, small enough that nobody waits long for it. */
const MOST_AT_ONCE = 50;
/** While one round is being committed the next one stands at the lock already. */
const ROUNDS_AT_ONCE = 2;

/**
 * Calls that would wait for one another's row lock share rounds: what arrives while rounds of the same key are under way
 * goes together in the next. A call that finds nobody there goes at once, so nothing ever waits for company.
 */
export class SharedRounds<I, O> {
  private readonly lines = new Map<string, Line<I, O>>();

  /** @param run answers in the order of its items */
  constructor(private readonly run: (items: I[]) => Promise<O[]>) {}

  do(key: string, item: I): Promise<O> {
    return new Promise<O>((resolve, reject) => {
      const line = this.lines.get(key) ?? { waiting: [], underWay: 0 };
      this.lines.set(key, line);
      line.waiting.push({ item, resolve, reject });
      if (line.underWay < ROUNDS_AT_ONCE) void this.work(key, line);
    });
  }

  private async work(key: string, line: Line<I, O>): Promise<void> {
    line.underWay += 1;
    while (line.waiting.length > 0) await this.round(line.waiting.splice(0, MOST_AT_ONCE));
    line.underWay -= 1;
    if (line.underWay === 0) this.lines.delete(key);
  }

  private async round(together: Waiting<I, O>[]): Promise<void> {
    try {
      const outcomes = await this.run(together.map(({ item }) => item));
      for (const [at, { resolve }] of together.entries()) resolve(outcomes[at]!);
    } catch (error) {
      if (together.length === 1) return together[0]!.reject(error);
      // Nothing of it is done: one that cannot be done must not take the others with it.
      for (const one of together) await this.round([one]);
    }
  }
}
