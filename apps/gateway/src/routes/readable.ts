import { InvalidInput, type FieldError } from '@strowger/kernel';

/** Deeper than any request of ours; what is as deep as a body is long would exhaust the stack of anything that walks it. */
const MOST_LEVELS = 32;
const MOST_ERRORS = 50;

/**
 * JSON and URLs can spell text that no database keeps: NUL, and half a surrogate pair.
 * @throws InvalidInput naming each such field, or that the whole is nested too deeply
 */
export function assertReadable(input: unknown): void {
  const errors: FieldError[] = [];
  const left: { value: unknown; field: string; level: number }[] = [{ value: input, field: '', level: 0 }];
  for (let next = left.pop(); next && errors.length < MOST_ERRORS; next = left.pop()) {
    const { value, field, level } = next;
    if (typeof value === 'string' && (value.includes('\0') || !value.isWellFormed()))
      errors.push({ field: field || 'body', rule: 'text', message: `The field '${field}' holds what is no text.` });
    if (typeof value !== 'object' || value === null) continue;
    if (level === MOST_LEVELS)
      throw new InvalidInput([{ field: 'body', rule: 'depth', message: 'The body is nested too deeply.' }]);
    for (const [key, inner] of Object.entries(value))
      left.push({ value: inner, field: field ? `${field}.${key}` : key, level: level + 1 });
  }
  if (errors.length > 0) throw new InvalidInput(errors);
}
