import { registerDecorator, type ValidationOptions } from 'class-validator';

/** For development and tests only; every other mode refuses it. */
export const DEVELOPMENT_KEYRING = `development:${Buffer.alloc(32, 'strowger-development-only-').toString('base64')}`;
/** For development and tests only; every other mode refuses it. */
export const DEVELOPMENT_TOKEN_SECRET = 'strowger-development-only-token-secret';

function keysOf(keyring: string): { id: string; key: Buffer }[] {
  return keyring
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean)
    .map((entry) => {
      const colon = entry.indexOf(':');
      return { id: entry.slice(0, Math.max(colon, 0)), key: Buffer.from(entry.slice(colon + 1), 'base64') };
    });
}

/** `id:base64,id:base64` with 32-byte keys, as SecretBox takes it. */
export function isKeyring(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  const keys = keysOf(value);
  return (
    keys.length > 0 &&
    keys.every(({ id, key }) => id !== '' && key.length === 32) &&
    new Set(keys.map((k) => k.id)).size === keys.length
  );
}

/** class-validator rule: a keyring for SecretBox. */
export function IsKeyring(options?: ValidationOptions): PropertyDecorator {
  return (target, property) =>
    registerDecorator({
      name: 'isKeyring',
      target: target.constructor,
      propertyName: property as string,
      options: {
        message: '$property must be a keyring: id:base64,id:base64 with keys of 32 bytes and different ids',
        ...options,
      },
      validator: { validate: isKeyring },
    });
}

function isBase(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const url = new URL(value);
  return ['http:', 'https:'].includes(url.protocol) && !url.username && !url.password && !url.search && !url.hash;
}
const isUrlList = (value: unknown): boolean => Array.isArray(value) && value.length > 0 && value.every(isBase);

const urlRule =
  (name: string, message: string, validate: (value: unknown) => boolean) =>
  (options?: ValidationOptions): PropertyDecorator =>
  (target, property) =>
    registerDecorator({
      name,
      target: target.constructor,
      propertyName: property as string,
      options: { message, ...options },
      validator: { validate },
    });

/** class-validator rule: a non-empty list of http(s) URLs without credentials, query or fragment. */
export const IsUrlList = urlRule(
  'isUrlList',
  '$property must be a list of http or https addresses without credentials, query or fragment',
  isUrlList,
);

/** The same for every list of an `EnvLists`; there may be none. */
export const IsUrlListPerName = urlRule(
  'isUrlListPerName',
  '$property must be lists of http or https addresses without credentials, query or fragment',
  (value) => typeof value === 'object' && value !== null && Object.values(value).every(isUrlList),
);

const PLACEHOLDER = /development-only|change-?me|insecure|placeholder|^(secret|password|test|admin|postgres)$/i;

/** Fewer different bytes than this is a pattern, not a random key: 32 random bytes have about 30 different ones. */
const MIN_DIFFERENT_BYTES = 12;

/** Why a secret is too weak to be used outside development and test; undefined when it is not. Never contains the value. */
export function weaknessOf(value: string, minLength = 0): string | undefined {
  if (PLACEHOLDER.test(value)) return 'is a placeholder that everybody knows';
  if (value.length < minLength) return `must have at least ${minLength} characters`;
  if (minLength >= 16 && new Set(value).size < 8) return 'repeats the same few characters';
  if (!isKeyring(value)) return undefined;
  for (const { id, key } of keysOf(value)) {
    if (PLACEHOLDER.test(key.toString('latin1')) || id === 'development')
      return 'holds the development key, which everybody knows';
    if (new Set(key).size < MIN_DIFFERENT_BYTES) return `holds a key that is not random ('${id}')`;
  }
  return undefined;
}
