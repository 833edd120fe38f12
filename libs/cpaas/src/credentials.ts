/** A carrier's credentials class as a form: fields and labels, what is shown of values, and the sealed envelope. */
import 'reflect-metadata';
import type { Sealed, SecretBox } from '@strowger/kernel';
import { plainToInstance } from 'class-transformer';
import { JSONSchema } from 'class-validator-jsonschema';

export interface CredentialOptions {
  /** As the field calls it: `Auth Token`. */
  label: string;
  /** What a person needs to know to fill it in. */
  hint?: string;
  /**
   * - `account`: names the account at the carrier; kept beside the envelope, masked when shown
   * - `secret` (default): never readable back, masked when shown
   * - `choice`: no secret at all, shown as it is
   */
  is?: 'account' | 'secret' | 'choice';
}

const FIELDS = Symbol('strowger:credentials');

/** Marks a field of a credentials class; its class-validator rules stand beside it. */
export const Credential =
  (options: CredentialOptions): PropertyDecorator =>
  (prototype, key) => {
    const { label: title, hint: description, is = 'secret' } = options;
    const inherited = (Reflect.getMetadata(FIELDS, prototype) as Map<string, CredentialOptions> | undefined) ?? [];
    Reflect.defineMetadata(FIELDS, new Map([...inherited, [String(key), options]]), prototype);
    JSONSchema({ title, ...(description ? { description } : {}), ...(is === 'choice' ? {} : { writeOnly: true }) })(
      prototype,
      String(key),
    );
  };

/** The marked fields of a credentials class, in order. */
export const credentialFields = (cls: new () => object): ReadonlyMap<string, CredentialOptions> =>
  (Reflect.getMetadata(FIELDS, cls.prototype as object) as Map<string, CredentialOptions> | undefined) ?? new Map();

/** Every field that has a value, as text. */
function* valuesOf(credentials: object): Generator<[name: string, value: string, options: CredentialOptions]> {
  for (const [name, options] of credentialFields(credentials.constructor as new () => object)) {
    const value: unknown = Reflect.get(credentials, name);
    if (value !== undefined && value !== null && value !== '') yield [name, String(value), options];
  }
}

/** What may be shown of them. @param mask what is left of a secret */
export const shownCredentials = (credentials: object, mask: (value: string) => string): Record<string, string> =>
  Object.fromEntries(
    [...valuesOf(credentials)].map(([name, value, { is }]) => [name, is === 'choice' ? value : mask(value)]),
  );

/** The account they belong to, as the carrier writes it in its deliveries. */
export function accountOf(credentials: object): string {
  for (const [, value, { is }] of valuesOf(credentials)) if (is === 'account') return value;
  throw new Error(`${credentials.constructor.name} names no account.`);
}

/** All of them in one envelope. */
export const sealCredentials = (box: SecretBox, credentials: object, context: string): Sealed =>
  box.seal(
    JSON.stringify(Object.fromEntries([...valuesOf(credentials)].map(([name, value]) => [name, value]))),
    context,
  );

/** What `sealCredentials` sealed. */
export const openCredentials = <C extends object>(
  cls: new () => C,
  box: SecretBox,
  envelope: string,
  context: string,
): C => {
  const opened: unknown = JSON.parse(box.open(envelope, context));
  if (typeof opened !== 'object' || opened === null) throw new TypeError('The envelope holds no credentials.');
  return plainToInstance(cls, opened);
};
