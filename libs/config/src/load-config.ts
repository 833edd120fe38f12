import { inspect } from 'node:util';
import { getMetadataStorage, validateSync } from 'class-validator';
import { type EnvProperty, envProperties, NAME, secretsOf } from './env.decorators.js';
import { environment } from './environment.js';
import { weaknessOf } from './rules.js';

/** Names every wrong variable and the rule it breaks; never a secret's value. */
export class ConfigInvalid extends Error {
  constructor(
    configuration: string,
    /** One sentence per wrong variable. */
    readonly problems: readonly string[],
  ) {
    super(`${configuration} can't start with this environment:\n${problems.map((p) => `  - ${p}`).join('\n')}`);
    this.name = 'ConfigInvalid';
    // A person who starts a service reads this on a terminal, where our stack would only hide it.
    this.stack = this.message;
  }
}

const HIDDEN = '[secret]';
const RELAXED_MODES = ['development', 'test'];

/**
 * Builds, validates and freezes a configuration class from the environment.
 * @throws ConfigInvalid naming all wrong variables at once.
 */
export function loadConfig<T extends object>(
  cls: new () => T,
  env: Readonly<Record<string, string | undefined>> = environment,
): Readonly<T> {
  const config = new cls();
  const prototype = cls.prototype as object;
  const secrets = secretsOf(prototype);
  const properties = envProperties(prototype);
  const relaxed = RELAXED_MODES.includes(env['STROWGER_MODE'] ?? '');
  const problems = new Map<string, string>();

  for (const entry of properties) {
    if (entry.variable.includes(NAME)) {
      Reflect.set(config, entry.property, listsIn(env, entry));
      continue;
    }
    // An empty value counts as not set: compose files and manifests write it so.
    const raw = env[entry.variable]?.trim() || undefined;
    const fallback = Reflect.get(config, entry.property) as unknown;
    const secret = secrets.get(entry.property);
    if (raw === undefined) {
      if (fallback === undefined && !isOptional(cls, entry.property)) problems.set(entry.property, 'is required');
      else if (secret && fallback !== undefined && !relaxed)
        problems.set(entry.property, 'is required: a secret has no default outside development and test');
      continue;
    }
    const converted = convert(raw, entry, fallback);
    if (converted.problem) problems.set(entry.property, converted.problem + (secret ? '' : `, not '${raw}'`));
    else Reflect.set(config, entry.property, converted.value);
    const weakness = secret && !relaxed && weaknessOf(raw, secret.minLength);
    if (weakness) problems.set(entry.property, weakness);
  }

  const variableOf = new Map(properties.map((entry) => [entry.property, entry.variable]));
  for (const error of validateSync(config, {
    forbidUnknownValues: false,
    validationError: { target: false, value: false },
  })) {
    if (problems.has(error.property)) continue;
    const rules = Object.values(error.constraints ?? {}).map((m) => m.replace(error.property, '').trim());
    const shown = secrets.has(error.property) ? '' : `, not ${inspect(Reflect.get(config, error.property))}`;
    problems.set(error.property, (rules.join(' and ') || 'is not valid') + shown);
  }
  if (problems.size > 0)
    throw new ConfigInvalid(
      cls.name,
      [...problems].map(([property, p]) => `${variableOf.get(property) ?? property} ${p}`),
    );

  hideSecrets(config, new Set(secrets.keys()));
  for (const { property } of properties) Object.freeze(Reflect.get(config, property));
  return Object.freeze(config);
}

function convert(raw: string, entry: EnvProperty, fallback: unknown): { value?: unknown; problem?: string } {
  if (entry.list) return { value: partsOf(raw) };
  if (entry.type === Number || typeof fallback === 'number') {
    const value = Number(raw);
    return Number.isFinite(value) ? { value } : { problem: 'must be a number' };
  }
  if (entry.type === Boolean || typeof fallback === 'boolean') {
    const value = { true: true, '1': true, false: false, '0': false }[raw.toLowerCase()];
    return value === undefined ? { problem: 'must be true, false, 1 or 0' } : { value };
  }
  return { value: raw };
}

const partsOf = (raw: string): string[] =>
  raw
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);

/** The lists of every name that the environment has; former variables first, so that the present ones win. */
function listsIn(env: Readonly<Record<string, string | undefined>>, entry: EnvProperty): Record<string, string[]> {
  const [before = '', after = ''] = entry.variable.split(NAME);
  const lists: Record<string, string[]> = {};
  const add = (name: string, raw: string | undefined): void => {
    if (raw?.trim()) lists[name] = partsOf(raw);
  };
  for (const [variable, name] of Object.entries(entry.formerly ?? {})) add(name, env[variable]);
  for (const [variable, raw] of Object.entries(env)) {
    const name = variable.slice(before.length, variable.length - after.length);
    if (variable.startsWith(before) && variable.endsWith(after) && /^[A-Z][A-Z0-9_]*$/.test(name))
      add(name.toLowerCase().replaceAll('_', '-'), raw);
  }
  return lists;
}

function isOptional(cls: new () => object, property: string): boolean {
  return getMetadataStorage()
    .getTargetValidationMetadatas(cls, '', false, false)
    .some((m) => m.propertyName === property && m.type === 'conditionalValidation');
}

/**
 * A configuration that lands in a log line or a debugger shows which secrets are set, not what they are. Secrets are
 * not even enumerable, because loggers and spreads copy properties without asking `toJSON`.
 */
function hideSecrets(config: object, secrets: ReadonlySet<string>): void {
  const shown: Record<string, unknown> = { ...config };
  for (const property of secrets) {
    const value: unknown = Reflect.get(config, property);
    if (value === undefined) continue;
    shown[property] = HIDDEN;
    Object.defineProperty(config, property, { value, enumerable: false });
  }
  Object.defineProperty(config, 'toJSON', { value: () => shown });
  Object.defineProperty(config, inspect.custom, { value: () => shown });
}
