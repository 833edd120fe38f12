import { uniqueViolation } from '@strowger/persistence';

/**
 * Runs a flush; a broken unique index becomes the error named for it. Asking first would leave a gap between two
 * callers, the index leaves none.
 */
export async function uniquely<T>(work: Promise<T>, errors: Record<string, () => Error>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const broken = Object.keys(errors).find((index) => uniqueViolation(error, index));
    throw broken ? errors[broken]!() : error;
  }
}
