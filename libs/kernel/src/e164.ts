import { registerDecorator, type ValidationOptions } from 'class-validator';
import { parsePhoneNumberFromString } from 'libphonenumber-js';
import { AppError } from './app-error.js';

const E164 = /^\+[1-9]\d{6,14}$/;
/** Numbering plan: no N11 as area code or exchange (messaging-rules §1). */
const NANP = /^\+1(?![2-9]11)[2-9]\d{2}(?![2-9]11)[2-9]\d{6}$/;

export class NumberInvalid extends AppError {
  constructor(input: string, field = 'number') {
    const message = `'${input.slice(0, 32)}' is not a valid ten-digit US number. Enter ten digits, with or without 1 or +1 before them.`;
    super(
      'invalid',
      'number-invalid',
      message,
      { number: input.slice(0, 32) },
      {
        errors: [{ field, rule: 'e164', message }],
      },
    );
  }
}

export const isE164 = (value: unknown): value is string => typeof value === 'string' && E164.test(value);
export const isNanp = (e164: string): boolean => NANP.test(e164);

/** E.164 of what a person or a carrier wrote: ten digits, 1 or +1 before them, punctuation allowed. Undefined when it is none. */
export function toE164(input: string, region: 'US' = 'US'): string | undefined {
  const parsed = parsePhoneNumberFromString(input, region);
  if (!parsed) return undefined;
  return isE164(parsed.number) ? parsed.number : undefined;
}

/** What people and programs put between digits. */
const BETWEEN = /[\s().\-\u2010-\u2015\u2212]/g;

/**
 * A North American number a person typed, as E.164. Marks that nobody sees, other dashes, wide digits and `tel:` make no
 * difference; a plus does: after it comes the country, and another country's number must never become one of ours.
 * @throws NumberInvalid naming the field
 */
export function parseNanp(input: string, field = 'number'): string {
  const visible = input.normalize('NFKC').replaceAll(/\p{Cf}/gu, '');
  const digits = visible.trim().replace(/^tel:/i, '').replaceAll(BETWEEN, '');
  const ten = /^(?:\+?1)?(\d{10})$/.exec(digits)?.[1];
  const e164 = `+1${ten}`;
  if (!ten || !isNanp(e164)) throw new NumberInvalid(input, field);
  return e164;
}

/** Ten digits of a North American number; other numbers keep all their digits without the plus. */
export const nationalDigits = (e164: string): string => (e164.startsWith('+1') ? e164.slice(2) : e164.slice(1));

/** class-validator rule: an E.164 string such as +12015550123. */
export function IsE164(options?: ValidationOptions): PropertyDecorator {
  return (target, property) =>
    registerDecorator({
      name: 'isE164',
      target: target.constructor,
      propertyName: property as string,
      options: { message: '$property must be an E.164 number such as +12015550123', ...options },
      validator: { validate: isE164 },
    });
}
