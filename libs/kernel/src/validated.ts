/** Input from outside becomes an instance of its class, or an error that names every broken field in sentences. */
import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { getMetadataStorage, validateSync, type ValidationError } from 'class-validator';
import { type FieldError, InvalidInput } from './app-error.js';

const MOST_ERRORS = 50;

/** class-validator's findings, one sentence per broken rule; a missing field is named once, not once per rule. */
export function fieldErrors(errors: readonly ValidationError[], path = ''): FieldError[] {
  return errors.flatMap((error) => {
    const field = path ? `${path}.${error.property}` : error.property;
    return [...own(error, field), ...fieldErrors(error.children ?? [], field)];
  });
}

function own(error: ValidationError, field: string): FieldError[] {
  const constraints = Object.entries(error.constraints ?? {});
  if (constraints.length === 0) return [];
  if (constraints.some(([rule]) => rule === 'whitelistValidation')) return [unknownField(field)];
  if (error.value === undefined && !constraints.some(([rule]) => rule === 'unknownValue'))
    return [{ field, rule: 'required', message: `The field '${field}' is required.` }];
  return constraints.map(([rule, message]) => ({
    field,
    rule: kebab(rule),
    message: sentence(message, error.property, field),
  }));
}

/**
 * Names such as `constructor`: copied onto an instance they would change what it is before anything is checked. Every
 * request comes through here, so little is built for one that has none.
 */
function collectOddNames(value: object, odd: string[], path: string): void {
  for (const name of Object.keys(value)) {
    const inner: unknown = Reflect.get(value, name);
    if (name in Object.prototype) odd.push(path + name);
    else if (typeof inner === 'object' && inner !== null) collectOddNames(inner, odd, `${path}${name}.`);
  }
}

const unknownField = (field: string): FieldError => ({
  field,
  rule: 'unknown-field',
  message: `The field '${field}' is not known here.`,
});

/** `limit must be a number` → `The field 'limit' must be a number.`; messages written as sentences stay. */
function sentence(message: string, property: string, field: string): string {
  const named = message.startsWith(`${property} `)
    ? `The field '${field}'${message.slice(property.length)}`
    : message.startsWith(`each value in ${property} `)
      ? `Each value in the field '${field}'${message.slice(`each value in ${property}`.length)}`
      : message.startsWith('nested property ')
        ? `The field '${field}'${message.slice(`nested property ${property}`.length)}`
        : message;
  return /[.!?]$/.test(named) ? named : `${named}.`;
}

/**
 * An instance of `cls` made from what a caller sent.
 * @param unknown fields of other names are refused; between our own services, where a newer one may have added them, ignored
 * @throws InvalidInput naming every broken field
 */
export function validated<T extends object>(
  cls: new () => T,
  input: unknown,
  { unknown = 'refused' }: { unknown?: 'refused' | 'ignored' } = {},
): T {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw new InvalidInput([{ field: 'body', rule: 'object', message: 'The body must be a JSON object.' }]);
  try {
    const odd: string[] = [];
    collectOddNames(input, odd, '');
    if (odd.length > 0) throw new InvalidInput(odd.slice(0, MOST_ERRORS).map(unknownField));
    const instance = plainToInstance(cls, input);
    const errors = validateSync(instance, {
      whitelist: true,
      forbidNonWhitelisted: unknown === 'refused',
      forbidUnknownValues: false,
    });
    const found = errors.length > 0 ? fieldErrors(errors) : misplacedLists(instance);
    // A body of nothing but mistakes must not become a larger answer.
    if (found.length > 0) throw new InvalidInput(found.slice(0, MOST_ERRORS));
    writeIdsAlike(instance);
    return instance;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InvalidInput([{ field: 'body', rule: 'depth', message: 'The body is nested too deeply.' }]);
  }
}

interface Fields {
  nested: { name: string; each: boolean }[];
  /** Those with `@IsUUID`. */
  ids: string[];
}
const fieldsOf = new Map<unknown, Fields>();

function knownFields(cls: new () => object): Fields {
  const known = fieldsOf.get(cls);
  if (known) return known;
  const metadata = getMetadataStorage().getTargetValidationMetadatas(cls, '', false, false);
  const nested = metadata.filter(({ type }) => type === 'nestedValidation');
  const fields = {
    nested: [...new Map(nested.map(({ propertyName: name, each }) => [name, { name, each }])).values()],
    ids: [...new Set(metadata.filter(({ name }) => name === 'isUuid').map(({ propertyName }) => propertyName))],
  };
  fieldsOf.set(cls, fields);
  return fields;
}

/** A UUID may be written in capitals (RFC 9562 §4). It is the same id, and code that compares text must see the same text. */
function writeIdsAlike(instance: object): void {
  const { nested, ids } = knownFields(instance.constructor as new () => object);
  for (const name of ids) {
    const value: unknown = Reflect.get(instance, name);
    if (typeof value === 'string') Reflect.set(instance, name, value.toLowerCase());
    else if (Array.isArray(value))
      Reflect.set(
        instance,
        name,
        value.map((id: string) => id.toLowerCase()),
      );
  }
  for (const { name } of nested)
    for (const part of [Reflect.get(instance, name) as unknown].flat())
      if (typeof part === 'object' && part !== null) writeIdsAlike(part);
}

/** class-validator looks into a list wherever it expects an object, and finds nothing wrong with one that is empty. */
function misplacedLists(instance: object, path = ''): FieldError[] {
  return knownFields(instance.constructor as new () => object).nested.flatMap(({ name, each }) => {
    const value: unknown = Reflect.get(instance, name);
    const field = path + name;
    const items: [string, unknown][] =
      each && Array.isArray(value) ? value.map((item, i) => [`${field}.${i}`, item]) : [[field, value]];
    return items.flatMap(([at, item]) => {
      if (typeof item !== 'object' || item === null) return [];
      if (!Array.isArray(item)) return misplacedLists(item, `${at}.`);
      return [{ field: at, rule: 'is-object', message: `The field '${at}' must be an object.` }];
    });
  });
}

/** A rule's name as errors show it: `isUuid` becomes `is-uuid`. */
export const kebab = (name: string): string =>
  name.replace(/[A-Z]+/g, (part, at: number) => (at > 0 ? '-' : '') + part.toLowerCase());
