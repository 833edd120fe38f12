import type { Outcome } from './sender.queries.js';

/** Gathers outcomes while a write is under way and writes them together. */
export class OutcomeWriter {
  private waiting: { outcome: Outcome; done: PromiseWithResolvers<void> }[] = [];
  private running = false;

  constructor(private readonly write: (batch: Outcome[]) => Promise<void>) {}

  /** Resolves when it is written. Rejects when that failed: the message then waits for its lease to end and is looked up. */
  add(outcome: Outcome): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.waiting.push({ outcome, done });
    // The lane awaits it later than it may fail.
    done.promise.catch(() => undefined);
    if (!this.running) void this.run();
    return done.promise;
  }

  private async run(): Promise<void> {
    this.running = true;
    while (this.waiting.length > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      const batch = this.waiting.splice(0);
      await this.write(batch.map(({ outcome }) => outcome)).then(
        () => batch.forEach(({ done }) => done.resolve()),
        (error: unknown) => batch.forEach(({ done }) => done.reject(error)),
      );
    }
    this.running = false;
  }
}
