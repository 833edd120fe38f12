import { AppError } from '@strowger/kernel';

/** Parameters of a SOAP call that stand for fields of a request, where they have other names. */
export type Names = Record<string, string>;

/** Field errors in the words of the call; other errors as they are. */
export function asParameters(error: unknown, names: Names): unknown {
  if (!(error instanceof AppError) || error.code !== 'invalid-input' || !error.errors?.length) return error;
  const sentences = error.errors.map(({ field, message }) => {
    const last = field.split('.').at(-1)!;
    const name = names[field] ?? names[last] ?? last;
    const text = message.replace(`The field '${field}'`, `The parameter ${name}`);
    return text.includes(name) ? text : `${name}: ${text}`;
  });
  const missing = error.errors.every(({ rule }) => rule === 'required');
  return new AppError('invalid', missing ? 'parameter-missing' : 'parameter-invalid', sentences.join(' '));
}

/** Runs work whose field errors speak of a request's fields. */
export async function inWordsOf<T>(names: Names, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw asParameters(error, names);
  }
}
