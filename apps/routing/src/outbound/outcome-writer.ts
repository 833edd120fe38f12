import { setTimeout as wait } from 'node:timers/promises';
import { AppError, Batched } from '@strowger/kernel';
import { inBackground } from '@strowger/telemetry';
import type { Outcome } from '../messages/sending.store.js';

const PAUSE_MS = 250;
/** A minute in all, well inside the messages' lease. */
const ATTEMPTS = 240;

/** Gathers outcomes while a write is under way and writes them together. */
export class OutcomeWriter {
  private readonly batches = new Batched<Outcome>(async (batch) => {
    await this.writeAll(batch);
    return [];
  });

  /** @param onFailure is given the error of a failed write: its messages wait for their lease to end and are looked up */
  constructor(
    private readonly write: (batch: Outcome[]) => Promise<void>,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  add(outcome: Outcome): void {
    inBackground('outcome', this.batches.add(outcome));
  }

  /** Resolves when nothing is left to write. */
  flushed(): Promise<void> {
    return this.batches.idle();
  }

  /** What a carrier answered is known only here: while the database is away it is kept and tried again. */
  private async writeAll(batch: Outcome[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.write(batch);
      } catch (error) {
        if (attempt === ATTEMPTS || AppError.wrap(error).kind !== 'unavailable') return this.onFailure(error);
        await wait(PAUSE_MS);
      }
    }
  }
}
