/** When a failed message is worth another try, and how long until then. */
import { AppError } from '@strowger/kernel';

/** Something the handler needs is away or wants us to wait: it says nothing about the message. */
export const isAway = (error: unknown): error is AppError =>
  error instanceof AppError && (error.kind === 'unavailable' || error.kind === 'rate-limited');

/** A bug, or something that may not have arrived yet: a few more tries may end well. */
export const isRepeatable = ({ kind }: AppError): boolean => kind === 'internal' || kind === 'not-found';

/** Doubling with up to a fifth of jitter. */
export function backoffMs(attempt: number, firstMs: number, mostMs: number): number {
  return Math.round(Math.min(firstMs * 2 ** Math.min(attempt, 20), mostMs) * (0.9 + Math.random() * 0.2));
}

/**
 * Runs the work again while what it needs is away; any other error is the caller's.
 * @param wait resolves when it is time for another try; throws to give up. Counts attempts from 0
 */
export async function whileAway<T>(
  work: () => Promise<T>,
  wait: (error: AppError, waitMs: number, attempt: number) => Promise<void>,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isAway(error)) throw error;
      const waitMs = error.retryAfterSeconds ? error.retryAfterSeconds * 1000 : backoffMs(attempt, 100, 5000);
      await wait(error, waitMs, attempt);
    }
  }
}
