import {
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';

export interface SpanOptions {
  kind?: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  /** The work was tried before (a redelivery): a new trace that links to the given one instead of continuing it. */
  linked?: boolean;
  /** More traces this span has to do with, e.g. the messages of a batch. */
  links?: readonly (string | undefined)[];
}

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
};

/** W3C Trace Context §3.2, version 00. */
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

let on = false;
const tracer = trace.getTracer('strowger');

export const telemetryOn = (): boolean => on;
export const switchTracing = (value: boolean): void => {
  on = value;
};

/** W3C `traceparent` of the current span, to ride in message headers, job data and outbox rows. Undefined when off. */
export function traceparent(): string | undefined {
  if (!on) return undefined;
  const current = trace.getSpanContext(context.active());
  if (!current || !isSpanContextValid(current)) return undefined;
  return `00-${current.traceId}-${current.spanId}-${current.traceFlags.toString(16).padStart(2, '0')}`;
}

/** Ids for log lines. Undefined when off or outside a span. */
export function currentSpanIds(): { traceid: string; spanid: string } | undefined {
  if (!on) return undefined;
  const current = trace.getSpanContext(context.active());
  return current && { traceid: current.traceId, spanid: current.spanId };
}

/**
 * Runs `fn` in a new span that continues the trace of `parent` (a `traceparent`), or starts a trace when there is
 * none or it is malformed. Calls `fn` straight away when tracing is off. The span ends when the result settles.
 */
export function withTraceparent<T>(
  parent: string | undefined,
  name: string,
  fn: () => T,
  attributes?: Attributes,
  options: SpanOptions = {},
): T {
  if (!on) return fn();
  const remote = parse(parent);
  const links = (options.links ?? [])
    .map(parse)
    .filter((c) => c !== undefined)
    .map((c): Link => ({ context: c }));
  if (remote && options.linked) links.push({ context: remote });
  const base = remote && !options.linked ? trace.setSpanContext(ROOT_CONTEXT, remote) : ROOT_CONTEXT;
  return run(name, base, fn, attributes, options, links);
}

/** Runs `fn` in a child span of the current one. Calls it straight away when tracing is off. */
export function span<T>(name: string, fn: () => T, attributes?: Attributes, options: SpanOptions = {}): T {
  if (!on) return fn();
  const links = (options.links ?? [])
    .map(parse)
    .filter((c) => c !== undefined)
    .map((c): Link => ({ context: c }));
  return run(name, context.active(), fn, attributes, options, links);
}

function parse(value: string | undefined): SpanContext | undefined {
  const match = value === undefined ? null : TRACEPARENT.exec(value);
  if (!match) return undefined;
  const parsed = { traceId: match[1]!, spanId: match[2]!, traceFlags: Number.parseInt(match[3]!, 16), isRemote: true };
  return isSpanContextValid(parsed) ? parsed : undefined;
}

function run<T>(
  name: string,
  base: Context,
  fn: () => T,
  attributes: Attributes | undefined,
  options: SpanOptions,
  links: Link[],
): T {
  const started = tracer.startSpan(name, { kind: KINDS[options.kind ?? 'internal'], attributes, links }, base);
  let result: T;
  try {
    result = context.with(trace.setSpan(base, started), fn);
  } catch (error) {
    fail(started, error);
    throw error;
  }
  if (!isPromiseLike(result)) {
    started.end();
    return result;
  }
  return result.then(
    (value: unknown) => {
      started.end();
      return value;
    },
    (error: unknown) => {
      fail(started, error);
      throw error;
    },
  ) as T;
}

const isPromiseLike = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';

/** Only the stable code goes into the span: messages may quote what a caller sent. */
function fail(failed: Span, error: unknown): void {
  const code = error instanceof Error ? ((error as { code?: unknown }).code ?? error.name) : 'unknown';
  failed.setAttribute('error.type', String(code));
  failed.setStatus({ code: SpanStatusCode.ERROR });
  failed.end();
}
