import { AppError } from '@strowger/kernel';
import { backoffMs, isRepeatable, whileAway } from './retry.js';

const error = (kind: AppError['kind'], retryAfterSeconds?: number): AppError =>
  new AppError(kind, 'code', 'Message.', {}, { retryAfterSeconds });

it('runs the work again while what it needs is away, and waits as long as it is asked to', async () => {
  const fails = [error('unavailable'), error('rate-limited', 7), error('unavailable')];
  const waits: [number, number][] = [];
  const result = await whileAway(
    async () => {
      const failure = fails.shift();
      if (failure) throw failure;
      return 'done';
    },
    async (_, waitMs, attempt) => void waits.push([attempt, waitMs]),
  );
  expect(result).toBe('done');
  expect(waits.map(([attempt]) => attempt)).toEqual([0, 1, 2]);
  expect(waits[1]![1]).toBe(7000);
  expect(waits[2]![1]).toBeGreaterThan(waits[0]![1]);
});

it('passes any other error on at once, and the one that ends the waiting', async () => {
  const refused = error('invalid');
  await expect(
    whileAway(
      () => Promise.reject(refused),
      () => Promise.resolve(),
    ),
  ).rejects.toBe(refused);
  const away = error('unavailable');
  await expect(
    whileAway(
      () => Promise.reject(away),
      (given) => Promise.reject(given),
    ),
  ).rejects.toBe(away);
});

it('doubles the wait up to the longest, with some jitter', () => {
  for (const [attempt, ms] of [
    [0, 100],
    [3, 800],
    [40, 5000],
  ] as const) {
    expect(backoffMs(attempt, 100, 5000)).toBeGreaterThanOrEqual(ms * 0.9);
    expect(backoffMs(attempt, 100, 5000)).toBeLessThanOrEqual(ms * 1.1);
  }
});

it('tries a bug or something that is missing again, nothing else', () => {
  const kinds = ['invalid', 'forbidden', 'not-found', 'conflict', 'internal'] as const;
  expect(kinds.filter((kind) => isRepeatable(error(kind)))).toEqual(['not-found', 'internal']);
});
