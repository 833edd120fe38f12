import { setTimeout as wait } from 'node:timers/promises';

/**
 * After a write with an unknown outcome: looks after each of the given waits (milliseconds since the write, ascending)
 * until something is found. Undefined when it never is.
 */
export async function lookAgain<T>(
  waitsMs: readonly number[],
  look: () => Promise<T | null>,
  signal?: AbortSignal,
): Promise<T | undefined> {
  let waited = 0;
  for (const at of waitsMs) {
    await wait(Math.max(0, at - waited), undefined, { signal });
    waited = at;
    const found = await look();
    if (found !== null) return found;
  }
  return undefined;
}
