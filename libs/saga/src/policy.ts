import { type AppError, type ErrorKind } from '@strowger/kernel';
import type { RetryPolicy } from './definition.js';

const LONGEST_BACKOFF_MS = 30_000;
/** When a carrier asks for a longer wait, it is asked again sooner, because a person's request must not wait for hours. */
const LONGEST_RETRY_AFTER_MS = 15 * 60_000;

/** The answer will not change by asking again. */
const DEFINITE: ReadonlySet<ErrorKind> = new Set([
  'invalid',
  'unauthenticated',
  'forbidden',
  'not-found',
  'conflict',
  'precondition-failed',
]);

export const isDefinite = (error: AppError): boolean => DEFINITE.has(error.kind) && error.outcome !== 'unknown';

/** After a failed run: try again, undo from the failed step, or park for a person because it is our bug. */
export function afterFailedRun(error: AppError, attempt: number, retry: RetryPolicy): 'retry' | 'undo' | 'stuck' {
  if (isDefinite(error)) return 'undo';
  const ours = error.kind === 'internal' && error.outcome !== 'unknown';
  if (attempt < (retry.attempts ?? (ours ? 3 : 4))) return 'retry';
  return ours ? 'stuck' : 'undo';
}

/** Milliseconds to wait after the given attempt failed. */
export function backoffMs(attempt: number, retry: RetryPolicy, error?: AppError): number {
  const { backoffMs: policy = 500 } = retry;
  const wait =
    typeof policy === 'number'
      ? Math.min(policy * 2 ** (attempt - 1), LONGEST_BACKOFF_MS) * (0.8 + 0.4 * Math.random())
      : (policy[Math.min(attempt, policy.length) - 1] ?? 0);
  return Math.max(wait, Math.min((error?.retryAfterSeconds ?? 0) * 1000, LONGEST_RETRY_AFTER_MS));
}
