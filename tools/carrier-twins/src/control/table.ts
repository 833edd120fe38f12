/** Control routes: method and path on one side, what they do to a twin or the world on the other. */

/** Refused by the control API. */
export class ControlError extends Error {
  constructor(
    readonly status: 400 | 404,
    message: string,
  ) {
    super(message);
  }
}

/** One call of the control API, from HTTP or from the same process. */
export class ControlRequest {
  constructor(
    readonly method: string,
    /** What follows `/control/`, or `/control/<kind>/`, decoded. */
    readonly segments: readonly string[],
    private readonly query: URLSearchParams,
    private readonly input: unknown,
    private readonly params: Readonly<Record<string, string>> = {},
  ) {}

  with(segments: readonly string[], params: Record<string, string> = {}): ControlRequest {
    return new ControlRequest(this.method, segments, this.query, this.input, params);
  }

  /** A part of the path, such as `sid` in `accounts/:sid`. */
  param(name: string): string {
    const value = this.params[name];
    if (value === undefined) throw new TypeError(`The route has no ':${name}'`);
    return value;
  }

  /** A plus in a query is a blank; numbers are compared by digits, so that does no harm. */
  text(name: string): string | undefined {
    return this.query.get(name) ?? undefined;
  }

  integer(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (!/^\d+$/.test(value)) throw new ControlError(400, `${name} must be a whole number`);
    return Number(value);
  }

  body<T extends object>(): T {
    const body = this.input === undefined ? {} : this.input;
    if (typeof body !== 'object' || body === null || Array.isArray(body))
      throw new ControlError(400, 'The body must be a JSON object');
    return body as T;
  }
}

/** By method and path, such as `PUT accounts/:sid`. What a handler returns, or resolves to, is the answer; nothing is a 204. */
export type ControlRoutes<Subject> = Record<string, (subject: Subject, request: ControlRequest) => unknown>;

export class ControlTable<Subject> {
  private readonly routes: {
    method: string;
    parts: string[];
    handle: (subject: Subject, request: ControlRequest) => unknown;
  }[];

  constructor(routes: ControlRoutes<Subject>) {
    this.routes = Object.entries(routes).map(([route, handle]) => {
      const [method = '', path = ''] = route.split(' ');
      return { method, parts: path.split('/'), handle };
    });
  }

  /** Undefined when no route matches. */
  run(subject: Subject, request: ControlRequest): { answer: unknown } | undefined {
    for (const { method, parts, handle } of this.routes) {
      if (method !== request.method || parts.length !== request.segments.length) continue;
      const params = matched(parts, request.segments);
      if (params) return { answer: handle(subject, request.with(request.segments, params)) };
    }
    return undefined;
  }
}

function matched(parts: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const [index, part] of parts.entries()) {
    const segment = segments[index]!;
    if (part.startsWith(':')) params[part.slice(1)] = segment;
    else if (part !== segment) return undefined;
  }
  return params;
}
