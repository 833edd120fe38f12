import { AppError, type ErrorKind } from '@strowger/kernel';
import { afterFailedRun, backoffMs } from './policy.js';

const error = (kind: ErrorKind, options = {}): AppError => new AppError(kind, 'x', 'X.', {}, options);

it.each(['invalid', 'unauthenticated', 'forbidden', 'not-found', 'conflict', 'precondition-failed'] as const)(
  'undoes at once on %s',
  (kind) => {
    expect(afterFailedRun(error(kind), 1, {})).toBe('undo');
  },
);

it.each(['rate-limited', 'unavailable'] as const)('retries %s within bounds, then undoes', (kind) => {
  expect(afterFailedRun(error(kind), 3, {})).toBe('retry');
  expect(afterFailedRun(error(kind), 4, {})).toBe('undo');
  expect(afterFailedRun(error(kind), 4, { attempts: 5 })).toBe('retry');
});

it('never takes an unknown outcome for a definite one', () => {
  expect(afterFailedRun(error('conflict', { outcome: 'unknown' }), 1, {})).toBe('retry');
  expect(afterFailedRun(error('internal', { outcome: 'unknown' }), 4, {})).toBe('undo');
});

it('parks a bug after three tries', () => {
  expect(afterFailedRun(error('internal'), 2, {})).toBe('retry');
  expect(afterFailedRun(error('internal'), 3, {})).toBe('stuck');
});

it('backs off twice as long each time, up to half a minute', () => {
  for (const [attempt, about] of [
    [1, 500],
    [2, 1000],
    [5, 8000],
    [20, 30_000],
  ] as const) {
    const wait = backoffMs(attempt, {});
    expect(wait).toBeGreaterThanOrEqual(about * 0.8);
    expect(wait).toBeLessThanOrEqual(about * 1.2);
  }
});

it('takes given waits as they are, the last one for all further tries', () => {
  expect([1, 2, 3, 4].map((attempt) => backoffMs(attempt, { backoffMs: [2000, 5000, 10_000] }))).toEqual([
    2000, 5000, 10_000, 10_000,
  ]);
});

it('waits as long as it was asked to, a quarter of an hour at most', () => {
  expect(backoffMs(1, { backoffMs: 1 }, error('rate-limited', { retryAfterSeconds: 60 }))).toBe(60_000);
  expect(backoffMs(1, { backoffMs: 1 }, error('rate-limited', { retryAfterSeconds: 86_400 }))).toBe(900_000);
});
