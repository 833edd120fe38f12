import { AppError } from '@strowger/kernel';

/** Postgres cannot be reached or is starting up. `outcome: 'unknown'` when it went away during a commit. */
export class DatabaseUnavailable extends AppError {
  constructor(options: { cause?: unknown; outcome?: 'unknown' } = {}) {
    super('unavailable', 'database-unavailable', 'The database is away. Try again shortly.', {}, options);
  }
}

/** The code needs migrations that this database does not have yet. */
export class SchemaBehind extends AppError {
  constructor(missing: readonly string[]) {
    super('unavailable', 'schema-behind', `Migrations are missing: ${missing.join(', ')}. Run them first.`, {
      missing,
    });
  }
}

const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
]);
/** Admin shutdown, crash shutdown, cannot connect now, idle-in-transaction timeout, too many connections. */
const SERVER_AWAY = new Set(['57P01', '57P02', '57P03', '57P05', '25P03', '53300']);
/** What `pg` and its pool say without a code. */
const BY_MESSAGE =
  /connection terminated|timeout exceeded when trying to connect|not queryable|client was closed|after calling end on the pool|driver has already been destroyed/i;

const chain = function* (error: unknown): Generator<{ code?: unknown; message?: unknown; constraint?: unknown }> {
  for (let at = error, depth = 0; typeof at === 'object' && at !== null && depth < 5; depth++) {
    yield at as { code?: unknown };
    at = (at as { cause?: unknown }).cause;
  }
};

/** SQLSTATE of a database error or of what caused it. */
export function sqlState(error: unknown): string | undefined {
  for (const { code } of chain(error)) if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code;
  return undefined;
}

/** True when the database could not be asked, as opposed to having answered with an error. */
export function isDatabaseAway(error: unknown): boolean {
  for (const { code, message } of chain(error)) {
    if (typeof code === 'string' && (NETWORK.has(code) || SERVER_AWAY.has(code) || code.startsWith('08'))) return true;
    if (typeof message === 'string' && BY_MESSAGE.test(message)) return true;
  }
  return false;
}

/** The statement names a table, column or function that is not there. */
export const isUndefined = (error: unknown): boolean =>
  ['42P01', '42703', '42883', '42704'].includes(sqlState(error) ?? '');

/** The same error, said once however often it is caught on its way. */
export const unavailable = (error: unknown): DatabaseUnavailable =>
  error instanceof DatabaseUnavailable ? error : new DatabaseUnavailable({ cause: error });

/** Serialization failure or deadlock: the same transaction may well succeed the next time. */
export const isRetryable = (error: unknown): boolean => ['40001', '40P01'].includes(sqlState(error) ?? '');

/** True for a unique (or exclusion) violation, of the given constraint or index if named. */
export function uniqueViolation(error: unknown, constraintName?: string): boolean {
  for (const { code, constraint } of chain(error)) {
    if (code === '23505' || code === '23P01') return constraintName === undefined || constraint === constraintName;
  }
  return false;
}
