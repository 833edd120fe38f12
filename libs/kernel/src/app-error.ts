/** What kind of thing went wrong; each edge decides once what a kind means there (HTTP status, ack, retry). */
export type ErrorKind =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'precondition-failed'
  | 'rate-limited'
  | 'unavailable'
  | 'internal';

/** One broken rule of one field, as RFC 9457's `errors` extension shows it. */
export interface FieldError {
  /** Path in the request, dots for nesting: `owner.id`. */
  field: string;
  /** Stable kebab-case name of the rule that was broken. */
  rule: string;
  /** A sentence for the person who must act. */
  message: string;
}

export interface AppErrorOptions {
  cause?: unknown;
  errors?: FieldError[];
  retryAfterSeconds?: number;
  /** `unknown`: the remote side may have done it. Look before repeating. */
  outcome?: 'unknown';
}

/** What crosses a process boundary of an error: never a stack, never a cause. */
export interface SerializedError {
  kind: ErrorKind;
  code: string;
  message: string;
  details: Record<string, unknown>;
  errors?: FieldError[];
  retryAfterSeconds?: number;
  outcome?: 'unknown';
}

/**
 * The one error of the system. `code` is stable and kebab-case; `message` is a sentence for the person who must act;
 * `details` are shown to callers, so no secret goes in.
 */
export class AppError extends Error {
  readonly errors?: FieldError[];
  readonly retryAfterSeconds?: number;
  readonly outcome?: 'unknown';

  constructor(
    readonly kind: ErrorKind,
    readonly code: string,
    message: string,
    readonly details: Record<string, unknown> = {},
    options: AppErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.outcome = options.outcome;
  }

  toJSON(): SerializedError {
    const { kind, code, message, details, errors, retryAfterSeconds, outcome } = this;
    return { kind, code, message, details, errors, retryAfterSeconds, outcome };
  }

  static from(serialized: SerializedError): AppError {
    const { kind, code, message, details, errors, retryAfterSeconds, outcome } = serialized;
    return new AppError(kind, code, message, details, { errors, retryAfterSeconds, outcome });
  }

  /** Anything thrown, as an AppError: what is not ours is a bug, so `internal`, with the original as cause. */
  static wrap(thrown: unknown): AppError {
    if (thrown instanceof AppError) return thrown;
    return new AppError('internal', 'internal', 'Something went wrong on our side.', {}, { cause: thrown });
  }
}

/** Bad input, with every broken field named. */
export class InvalidInput extends AppError {
  constructor(errors: FieldError[]) {
    super('invalid', 'invalid-input', errors.map((e) => e.message).join(' '), {}, { errors });
  }
}

/** Kinds of objects whose code has another name: the SOAP API's PROVIDER_NOT_FOUND is the code here, too. */
const SHORT: Record<string, string> = { 'system-provider': 'provider' };

/** The same answer for a missing id and for another tenant's. */
export class NotFound extends AppError {
  constructor(what: string, id: string) {
    super(
      'not-found',
      `${SHORT[what] ?? what}-not-found`,
      `There is no ${what.replaceAll('-', ' ')} with the id '${id}'.`,
      { id },
    );
  }
}
