import 'reflect-metadata';

/** Where one property of a configuration class comes from. */
export interface EnvProperty {
  property: string;
  variable: string;
  list: boolean;
  /** For a list per name: variables of older installations, and the name that each is for. */
  formerly?: Readonly<Record<string, string>>;
  /** What TypeScript emitted for the declared type; `Object` when the type was inferred from the initializer. */
  type: unknown;
}

export interface SecretOptions {
  /** Fewest characters outside development and test. */
  minLength?: number;
}

const VARIABLES = Symbol('strowger:env');
const SECRETS = Symbol('strowger:secrets');

/** A subclass starts from its parent's entries without changing them. */
function own<T>(key: symbol, prototype: object): Map<string, T> {
  const existing = Reflect.getOwnMetadata(key, prototype) as Map<string, T> | undefined;
  if (existing) return existing;
  const inherited = Reflect.getMetadata(key, prototype) as Map<string, T> | undefined;
  const map = new Map(inherited);
  Reflect.defineMetadata(key, map, prototype);
  return map;
}

const register =
  (variable: string, list: boolean, formerly?: Readonly<Record<string, string>>): PropertyDecorator =>
  (prototype, key) => {
    const property = String(key);
    const type: unknown = Reflect.getMetadata('design:type', prototype, key);
    own<EnvProperty>(VARIABLES, prototype).set(property, {
      property,
      variable,
      list,
      type,
      ...(formerly ? { formerly } : {}),
    });
  };

/**
 * The property is read from this environment variable and converted to its declared type: number, boolean
 * (`true`, `false`, `1`, `0`) or string. An initializer is the default; without one the variable is required, unless
 * the property is also `@IsOptional()`. Add class-validator rules beside it.
 */
export const Env = (variable: string): PropertyDecorator => register(variable, false);

/** Like `Env`, for a comma-separated list of strings; spaces around the parts and empty parts are dropped. */
export const EnvList = (variable: string): PropertyDecorator => register(variable, true);

/** Stands for the name in a variable of `EnvLists`. */
export const NAME = '<NAME>';

/**
 * A list for each name: `CARRIER_<NAME>_BASE_URLS` makes `{ one: […] }` of `CARRIER_ONE_BASE_URLS`, names in
 * lower case with dashes. The property's initializer is what there is when none is set.
 * @param formerly variables of older installations and the name each is for; used where the new one is not set
 */
export const EnvLists = (variable: string, formerly?: Readonly<Record<string, string>>): PropertyDecorator =>
  register(variable, true, formerly);

/**
 * The value never shows in errors, `toJSON` or `inspect`. Outside development and test it has no default and must not
 * be obviously weak.
 */
export const Secret =
  (options: SecretOptions = {}): PropertyDecorator =>
  (prototype, key) => {
    own<SecretOptions>(SECRETS, prototype).set(String(key), options);
  };

export const envProperties = (prototype: object): EnvProperty[] => [...own<EnvProperty>(VARIABLES, prototype).values()];
export const secretsOf = (prototype: object): ReadonlyMap<string, SecretOptions> =>
  own<SecretOptions>(SECRETS, prototype);
