import { setTimeout as wait } from 'node:timers/promises';

export interface EventuallyOptions {
  /** Default 5 s. */
  timeoutMs?: number;
  /** What was waited for, for the error. */
  message?: string;
}

/**
 * Waits until `fn` neither throws nor answers `false`, `undefined` or `null`, and answers its value. So an
 * `expect(…)` inside works as the condition.
 * @throws Error after `timeoutMs`, with the last failure as its cause
 */
export async function eventually<T>(
  fn: () => T | Promise<T>,
  { timeoutMs = 5000, message }: EventuallyOptions = {},
): Promise<Exclude<Awaited<T>, false | null | undefined>> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 1.5, 100)) {
    try {
      const value = await fn();
      if (value !== false && value !== undefined && value !== null) {
        return value as Exclude<Awaited<T>, false | null | undefined>;
      }
      last = new Error(`the last answer was ${String(value)}`);
    } catch (error) {
      last = error;
    }
    if (performance.now() >= deadline) {
      const reason = last instanceof Error ? last.message : String(last);
      throw new Error(`${message ?? 'the condition'}: not within ${timeoutMs} ms; ${reason}`, { cause: last });
    }
    await wait(pauseMs);
  }
}
