import { AppError } from '@strowger/kernel';
import type { Operation, Parameter } from './registry.js';

export class ParameterMissing extends AppError {
  constructor(name: string) {
    super('invalid', 'parameter-missing', `The parameter ${name} is mandatory and is missing or empty.`);
  }
}
export class ParameterInvalid extends AppError {
  constructor(name: string, why: string) {
    super('invalid', 'parameter-invalid', `The parameter ${name} ${why}.`);
  }
}

/** Undefined: not sent, or nil. */
export type Value = string | number | boolean | undefined;
/** Values by position in `operation.params`. */
export type Values = Value[];
export interface Bound {
  userName: string;
  password: string;
  parameters: Record<string, Exclude<Value, undefined>>;
}

const CONTROL = /\p{Cc}/u;
const WHITE = /^\s*$/u;
const OUTER = /^\s|\s$/u;
const WHOLE = /^[+-]?\d{1,10}$/;
const FLAG = /^(?:true|false|1|0)$/i;

/**
 * Checks what an operation was given, in wire order, so that the first thing wrong is named; the login comes first and
 * a missing one is no login attempt.
 * @throws ParameterMissing, ParameterInvalid
 */
export function bind({ params }: Operation, values: Values): Bound {
  const parameters: Bound['parameters'] = {};
  for (let at = 0; at < params.length; at++) {
    const value = checked(params[at]!, values[at]);
    if (value !== undefined && at > 1) parameters[params[at]!.name] = value;
  }
  return { userName: values[0] as string, password: values[1] as string, parameters };
}

function checked(parameter: Parameter, value: Value): Value {
  const { name, type, mandatory } = parameter;
  if (type === 'boolean') return value ?? false;
  if (type === 'int') {
    if (value === undefined) throw new ParameterMissing(name);
    within(parameter, value as number);
    return value;
  }
  if (value === undefined || value === '') {
    if (mandatory) throw new ParameterMissing(name);
    return value;
  }
  return text(parameter, value as string);
}

function text(parameter: Parameter, value: string): string {
  const { name, form, max = 255, mandatory } = parameter;
  const blank = WHITE.test(value);
  if (blank && mandatory) throw new ParameterMissing(name);
  if (value.length > max) throw new ParameterInvalid(name, `has more than ${max} characters`);
  // Nothing keeps half a character; and what a password holds is nobody's business.
  if (!value.isWellFormed() || (form !== 'secret' && CONTROL.test(value)))
    throw new ParameterInvalid(name, 'holds characters that are no text');
  switch (form) {
    case 'key':
      // Of an optional id, nothing but white space means that there is none.
      if (blank) return '';
      if (OUTER.test(value)) throw new ParameterInvalid(name, 'must not begin or end with white space');
      return value;
    case 'whole-text':
      if (blank) return '';
      if (!WHOLE.test(value.trim())) throw new ParameterInvalid(name, 'must be a whole number');
      within(parameter, Number(value));
      return value.trim();
    case 'flag-text':
      if (blank) return '';
      if (!FLAG.test(value.trim())) throw new ParameterInvalid(name, 'must be true or false');
      return value.trim().toLowerCase();
    default:
      return value;
  }
}

function within({ name, from = -Infinity, to = Infinity }: Parameter, value: number): void {
  if (value < from || value > to) throw new ParameterInvalid(name, `must be a number from ${from} to ${to}`);
}

/** A value that the type of its parameter does not have: XML says so in a fault, forms in a line of text. */
export class Unconvertible extends Error {}

const XML_SPACE = /^[ \t\r\n]+|[ \t\r\n]+$/g;
const INT = /^[+-]?\d+$/;

/** xsd:int, white space around it allowed. */
export function intOf(text: string): number {
  const digits = text.replaceAll(XML_SPACE, '');
  if (!INT.test(digits)) throw new Unconvertible('Input string was not in a correct format.');
  const value = Number(digits);
  if (value > 2_147_483_647 || value < -2_147_483_648)
    throw new Unconvertible('Value was either too large or too small for an Int32.');
  return value;
}

/** xsd:boolean; forms may capitalize, as .NET's own parser has it. */
export function booleanOf(text: string, anyCase: boolean): boolean {
  const word = text.replaceAll(XML_SPACE, '');
  switch (anyCase && /^(?:True|False)$/.test(word) ? word.toLowerCase() : word) {
    case 'true':
    case '1':
      return true;
    case 'false':
    case '0':
      return false;
    default:
      throw new Unconvertible(`The string '${word.slice(0, 40)}' is not a valid Boolean value.`);
  }
}
