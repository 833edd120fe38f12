import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import { AppError, type ErrorKind, type FieldError, InvalidInput, kebab } from '@strowger/kernel';

/** RFC 9457 problem with our extensions; what every failed HTTP request answers. */
export interface ProblemDetails {
  /** `https://strowger.dev/problems/<code>`: stable, made for comparing. */
  type: string;
  title: string;
  status: number;
  /** A sentence for the person who must act. */
  detail: string;
  /** `urn:strowger:request:<request id>`: finds this occurrence in the logs. */
  instance?: string;
  /** The error's code as `GROUP_EXISTS`; the SOAP API's `errorCode` is the same. */
  code: string;
  /** Every broken field. */
  errors?: FieldError[];
  details?: Record<string, unknown>;
  /** `unknown`: the remote side may have done it. */
  outcome?: 'unknown';
}

const STATUS: Record<ErrorKind, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'precondition-failed': 412,
  'rate-limited': 429,
  unavailable: 503,
  internal: 500,
};

/** Codes whose status is not their kind's. An edge with a more exact status for a code adds it here. */
export const STATUS_BY_CODE = new Map<string, number>([
  ['method-not-allowed', 405],
  ['request-timeout', 408],
  ['payload-too-large', 413],
  ['address-too-long', 414],
  ['unsupported-media-type', 415],
  ['unprocessable', 422],
  ['idempotency-key-reused', 422],
  ['upgrade-required', 426],
  ['precondition-required', 428],
  ['headers-too-large', 431],
]);

export const statusOf = (error: AppError): number => STATUS_BY_CODE.get(error.code) ?? STATUS[error.kind];

/** How a code is shown to callers: GROUP_EXISTS of `group-exists`. */
export const shownCode = (code: string): string => code.toUpperCase().replaceAll('-', '_');

const titleOf = (code: string): string => (code.charAt(0).toUpperCase() + code.slice(1)).replaceAll('-', ' ');

/** The problem an error becomes. A bug (`internal`) says nothing but that it happened. */
export function problemOf(error: AppError, instance?: string): ProblemDetails {
  const status = statusOf(error);
  const hidden = error.kind === 'internal';
  const code = hidden ? 'internal' : error.code;
  return {
    type: `https://strowger.dev/problems/${code}`,
    title: hidden ? STATUS_CODES[500]! : titleOf(code),
    status,
    detail: hidden
      ? 'Something went wrong on our side. It has been recorded; quote the instance when you report it.'
      : error.message,
    ...(instance === undefined ? {} : { instance }),
    code: shownCode(code),
    ...(error.errors?.length && !hidden ? { errors: error.errors } : {}),
    ...(Object.keys(error.details).length && !hidden ? { details: error.details } : {}),
    ...(error.outcome ? { outcome: error.outcome } : {}),
  };
}

/** What the frameworks say when a request is not even readable, in our words. */
const FRAMEWORK: Record<number, readonly [ErrorKind, string, string]> = {
  400: ['invalid', 'malformed-request', 'The request could not be read.'],
  401: ['unauthenticated', 'unauthenticated', 'Sign in first: the request carries no valid credentials.'],
  403: ['forbidden', 'forbidden', 'You may not do this.'],
  404: ['not-found', 'no-such-route', 'There is nothing at this address. Check the path and the method.'],
  405: ['invalid', 'method-not-allowed', 'This address does not take that method.'],
  408: ['invalid', 'malformed-request', 'The request did not arrive in time.'],
  413: ['invalid', 'payload-too-large', 'The body is larger than this address accepts.'],
  414: ['invalid', 'address-too-long', 'The address is too long.'],
  415: ['invalid', 'unsupported-media-type', 'The body has a content type this address does not read.'],
  422: ['invalid', 'unprocessable', 'The request is readable but makes no sense here.'],
  429: ['rate-limited', 'rate-limited', 'Too many requests. Wait a moment.'],
  503: ['unavailable', 'service-unavailable', 'The service is not available right now. Try again in a moment.'],
};

const BY_FASTIFY_CODE: Record<string, string> = {
  FST_ERR_CTP_EMPTY_JSON_BODY: 'The body is empty, but the content type says JSON.',
  FST_ERR_CTP_INVALID_JSON_BODY: 'The body is not valid JSON.',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'The body is not as long as its Content-Length says.',
  FST_ERR_BAD_URL: 'The address is not a valid URL.',
};

interface FastifyFailure {
  code?: string;
  statusCode?: number;
  validation?: {
    instancePath: string;
    keyword: string;
    message?: string;
    params?: { missingProperty?: string; additionalProperty?: string };
  }[];
  validationContext?: string;
}

/** Whatever an HTTP request threw, ours or a framework's, as an AppError. */
export function errorOf(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const failure = ((thrown instanceof HttpException ? thrown.cause : undefined) ?? thrown) as FastifyFailure;
  if (Array.isArray(failure.validation)) return schemaError(failure);
  const status =
    thrown instanceof HttpException ? thrown.getStatus() : thrown instanceof Error ? failure.statusCode : undefined;
  const known = status === undefined ? undefined : (FRAMEWORK[status] ?? (status < 500 ? FRAMEWORK[400] : undefined));
  if (!known) return AppError.wrap(thrown);
  const [kind, code, sentence] = known;
  const isSyntax = (thrown as { cause?: unknown }).cause instanceof SyntaxError || thrown instanceof SyntaxError;
  const detail = BY_FASTIFY_CODE[failure.code ?? ''] ?? (isSyntax ? 'The body is not valid JSON.' : sentence);
  return new AppError(kind, code, detail, {}, { cause: thrown });
}

/** A route's JSON schema said no (the fast path without class-validator). */
function schemaError({ validation = [], validationContext = 'body' }: FastifyFailure): AppError {
  return new InvalidInput(
    validation.map(({ instancePath, keyword, message = 'is not valid', params }) => {
      const extra = params?.missingProperty ?? params?.additionalProperty;
      const field =
        [...instancePath.split('/').filter(Boolean), ...(extra === undefined ? [] : [extra])].join('.') ||
        validationContext;
      if (keyword === 'required') return { field, rule: 'required', message: `The field '${field}' is required.` };
      if (keyword === 'additionalProperties')
        return { field, rule: 'unknown-field', message: `The field '${field}' is not known here.` };
      return { field, rule: kebab(keyword), message: `The field '${field}' ${message}.` };
    }),
  );
}
