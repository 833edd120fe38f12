import type { Outcome } from './sender.queries.js';

/** Gathers outcomes while a write is under way and writes them together. */
export class OutcomeWriter {
  private waiting: Outcome[] = [];
  private running?: Promise<void>;

  /** @param onFailure told of a write that failed: its messages wait for their lease to end and are looked up */
  constructor(
    private readonly write: (batch: Outcome[]) => Promise<void>,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  add(outcome: Outcome): void {
    this.waiting.push(outcome);
    this.running ??= this.run();
  }

  /** Resolves when nothing is left to write. */
  async flushed(): Promise<void> {
    while (this.running) await this.running;
  }

  private async run(): Promise<void> {
    while (this.waiting.length > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      await this.write(this.waiting.splice(0)).catch(this.onFailure);
    }
    this.running = undefined;
  }
}
