/** RFC 9457, as the gateway answers it. */
export interface Problem {
  status: number;
  code: string;
  detail: string;
  errors?: { field: string; rule: string; message: string }[];
}

export class Refused extends Error {
  constructor(
    readonly request: string,
    readonly problem: Problem,
  ) {
    super(`${request}: ${problem.status} ${problem.code}: ${problem.detail}`);
  }
}

/** The REST API as a portal frontend or a client uses it: JSON, one bearer token. */
export class PortalApi {
  private constructor(
    readonly gatewayUrl: string,
    readonly token: string,
  ) {}

  static async signIn(gatewayUrl: string, email: string, password: string): Promise<PortalApi> {
    const { accessToken } = await new PortalApi(gatewayUrl, '').post<{ accessToken: string }>('/v1/sessions', {
      email,
      password,
    });
    return new PortalApi(gatewayUrl, accessToken);
  }

  /** The same API with a client token. */
  as(token: string): PortalApi {
    return new PortalApi(this.gatewayUrl, token);
  }

  get<T>(path: string): Promise<T> {
    return this.call<T>('GET', path);
  }
  post<T>(path: string, body: unknown = {}, headers: Record<string, string> = {}): Promise<T> {
    return this.call<T>('POST', path, body, headers);
  }
  put<T>(path: string, body: unknown): Promise<T> {
    return this.call<T>('PUT', path, body);
  }
  patch<T>(path: string, body: unknown): Promise<T> {
    return this.call<T>('PATCH', path, body);
  }
  delete<T = void>(path: string): Promise<T> {
    return this.call<T>('DELETE', path);
  }

  /** The problem a call is refused with; throws when it is not refused. */
  async refusal(call: Promise<unknown>): Promise<Problem> {
    const thrown: unknown = await call.then(
      () => undefined,
      (error: unknown) => error,
    );
    if (thrown instanceof Refused) return thrown.problem;
    throw thrown ?? new Error('It was not refused.');
  }

  private async call<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<T> {
    const response = await fetch(this.gatewayUrl + path, {
      method,
      headers: {
        ...(this.token ? { authorization: `Bearer ${this.token}` } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    const answer = text === '' ? undefined : (JSON.parse(text) as unknown);
    if (!response.ok) throw new Refused(`${method} ${path}`, answer as Problem);
    return answer as T;
  }
}
