import { environment } from '@strowger/config/environment';
import { pino, type Logger as PinoLogger } from 'pino';
import { currentSpanIds } from './tracing.js';

/** A line is an event name plus ids: `log.info({ numberId }, 'number-activated')`. Message text and secrets go in none. */
export type Log = PinoLogger;

const SECRET_FIELD =
  /pass(word|phrase)|token$|secret|api-?key|authorization|cookie|credentials|keyring|(database|redis|nats)url$/i;
const REDACTED = '[redacted]';
const DEPTH = 4;

/**
 * A copy without what secret-sounding fields hold, four levels deep; untouched when there are none. Ours because pino's
 * own, with this many paths, takes 16 µs per line and gives up on objects it can't clone.
 */
export function redacted<T extends object>(fields: T, depth = 0): T {
  let copy: Record<string, unknown> | undefined;
  for (const [key, value] of Object.entries(fields)) {
    if (value === null || value === undefined || typeof value === 'number' || typeof value === 'boolean') continue;
    const safe: unknown = SECRET_FIELD.test(key)
      ? REDACTED
      : key === 'err'
        ? serializeError(value)
        : typeof value === 'object'
          ? inside(value as object, depth)
          : (value as unknown);
    if (safe !== value)
      (copy ??= (Array.isArray(fields) ? [...(fields as unknown[])] : { ...fields }) as Record<string, unknown>)[key] =
        safe;
  }
  return (copy as T | undefined) ?? fields;
}

function inside(value: object, depth: number): unknown {
  if (value instanceof Error) return serializeError(value);
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    const plain: unknown = value.toJSON();
    return typeof plain === 'object' && plain !== null ? redacted(plain, depth + 1) : plain;
  }
  return depth < DEPTH ? redacted(value, depth + 1) : '[nested too deep]';
}

const ADDRESS_CREDENTIALS = /(\b[a-z][a-z0-9+.-]*:\/\/)[^/\s@]+@/gi;
const HEADER_CREDENTIALS = /\b(bearer|basic|digest)\s+[\w+/=.~:-]{6,}/gi;
const HOOK_TOKEN = /(\/hooks\/[\w-]+\/)[\w-]{8,}/g;

/** Errors of drivers and HTTP clients quote addresses and headers; credentials in them are cut out. */
const scrub = (text: string): string =>
  text
    .replace(ADDRESS_CREDENTIALS, '$1[redacted]@')
    .replace(HEADER_CREDENTIALS, '$1 [redacted]')
    .replace(HOOK_TOKEN, '$1[redacted]');

/** What a log line keeps of an error: never request data, query parameters or other properties libraries hang on it. */
export function serializeError(error: unknown, depth = 0): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error, message: scrub(String(error)) };
  const { code, kind } = error as { code?: unknown; kind?: unknown };
  const errors = error instanceof AggregateError ? (error.errors as unknown[]).slice(0, 5) : undefined;
  return {
    type: error.name,
    message: scrub(error.message),
    ...(code === undefined ? {} : { code: String(code) }),
    ...(kind === undefined ? {} : { kind: String(kind) }),
    stack: error.stack === undefined ? undefined : scrub(error.stack),
    ...(errors && depth < 4 ? { errors: errors.map((e) => serializeError(e, depth + 1)) } : {}),
    ...(error.cause !== undefined && depth < 4 ? { cause: serializeError(error.cause, depth + 1) } : {}),
  };
}

const loggers: PinoLogger[] = [];
let level = levelNow();

/** Until the configuration is loaded, which is also what complains about a wrong LOG_LEVEL. */
function levelNow(): string {
  const { LOG_LEVEL: given = '', STROWGER_MODE: mode, NODE_ENV: node } = environment;
  if (given in pino.levels.values || given === 'silent') return given;
  return mode === 'test' || node === 'test' ? 'error' : 'info';
}

/** Applies to every logger, those made before and after. */
export function setLogLevel(next: string): void {
  level = next;
  for (const each of loggers) each.level = next;
}

let root: PinoLogger | undefined;

/** A logger of the service or of one part of it; cheap enough for `const log = logger('numbers')` at module level. */
export function logger(name: string): Log {
  root ??= pino({
    level,
    messageKey: 'event',
    errorKey: 'err',
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }), log: (fields) => redacted(fields) },
    mixin: () => currentSpanIds() ?? {},
  });
  const child = root.child({ name }, { level });
  loggers.push(child);
  return child;
}

/** Nest's own lines: its start-up chatter at debug level, its warnings and errors at theirs. */
export function nestLogger(): Record<
  'log' | 'error' | 'warn' | 'debug' | 'verbose' | 'fatal',
  (message: unknown, ...rest: unknown[]) => void
> {
  const log = logger('nest');
  const line =
    (to: 'debug' | 'warn' | 'error' | 'fatal') =>
    (message: unknown, ...rest: unknown[]): void => {
      const context = rest.findLast((r) => typeof r === 'string');
      if (message instanceof Error) log[to]({ err: message, context }, 'nest');
      else log[to]({ text: scrub(typeof message === 'string' ? message : JSON.stringify(message)), context }, 'nest');
    };
  return {
    log: line('debug'),
    debug: line('debug'),
    verbose: line('debug'),
    warn: line('warn'),
    error: line('error'),
    fatal: line('fatal'),
  };
}
