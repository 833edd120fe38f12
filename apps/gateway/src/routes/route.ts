import type { ErrorKind, RpcContract } from '@strowger/kernel';
import type { Access } from '../auth/roles.js';
import type { Principal, Tokens } from '../auth/tokens.js';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Constructor = new () => object;

/** What a route answers: the status, headers and body that go out. */
export interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

/** Asks a service in the caller's name. */
export type Ask = <B extends object, R>(contract: RpcContract<B, R>, body: B) => Promise<R>;

/** What a schema in the OpenAPI document is made from: a view class, a list or a page of it, or nothing. */
export type ResponseShape = { view: Constructor; as?: 'one' | 'list' | 'page' } | null;

/**
 * The service keeps what was asked under the id, so nothing need be kept here: it answers a repeat itself, and refuses
 * another request under the id with the code `reused`.
 */
export interface KeptByService<Body extends object> {
  id: string;
  /** The list of the body whose every item has the field. */
  of?: keyof Body & string;
  reused: string;
}

export interface RouteOptions<Body extends object, Reply> {
  summary: string;
  description?: string;
  access: Access;
  /** Success status; 200, or 204 where `response` is null. */
  status?: number;
  response: ResponseShape;
  /** Problem codes a caller must expect beside the common ones, with their kind. */
  errors?: Record<string, ErrorKind>;
  /** Takes `Idempotency-Key`; the field gets an id derived from the key, so that a repeat finds the first try. */
  idempotent?: true | (keyof Body & string) | KeptByService<Body>;
  /** Asked so often that requests of one moment share a message (`RpcCallOptions.bundled`). */
  bundled?: true;
  /** The body carries `version`: `If-Match` sets it, `ETag` shows the reply's. */
  versioned?: true;
  /** Takes `Prefer: wait=N`. */
  waits?: true;
  /** Fields the caller does not send: taken from the principal. */
  fill?: (principal: Principal) => Partial<Body>;
  /** Adds or deletes a system provider, so that others see more or less than before. */
  changesProviders?: true;
  /** A list under `:userId` whose service knows only what users have, not who there is: hierarchy is asked when it is empty. */
  ofUser?: true;
  /** Where it takes more than one service: asks them and puts their answers together. */
  compose?: (ask: Ask, body: Body) => Promise<Reply>;
  /** Limits how often it may be asked: by a caller, and by that caller about the account that this names. */
  rate?: (body: Body) => string;
  /** How many texts it sends, which count for the quotas of the user, the system provider and the address. */
  sends?: (body: Body) => number;
  /** A field of the reply that is a secret: the first answer shows it, a repeat under the Idempotency-Key doesn't. */
  shownOnce?: keyof Reply & string;
  /** Adds tokens to what the service replied. */
  mint?: (reply: Reply, tokens: Tokens) => Promise<Reply>;
  /** Where a reply is not simply the body. */
  answer?: (reply: Reply) => Answer;
  example?: { request?: unknown; response?: unknown };
}

/** One REST operation: a method and path on the one side, a request of a service on the other. */
export interface Route<Body extends object = object, Reply = unknown> extends RouteOptions<Body, Reply> {
  method: Method;
  /** Fastify style; `:name` parameters are fields of the request, `::` is a colon. */
  path: string;
  tag: string;
  contract: RpcContract<Body, Reply>;
}

/** Declares routes under one tag. Types of body and reply come from the contract. */
export function routes(tag: string): {
  add<Body extends object, Reply>(
    line: `${Method} /${string}`,
    contract: RpcContract<Body, Reply>,
    options: RouteOptions<Body, Reply>,
  ): void;
  all: Route[];
} {
  const all: Route[] = [];
  return {
    all,
    add: (line, contract, options) => {
      const [method, path] = line.split(' ') as [Method, string];
      all.push({ method, path, tag, contract, ...options } as unknown as Route);
    },
  };
}

const PARAMETER = /(?<!:):(\w+)/g;

/** Names of the `:parameters` of a path. */
export const pathParameters = (path: string): string[] => [...path.matchAll(PARAMETER)].map(([, name]) => name!);

/** The path with something else for each parameter. */
export const pathWith = (path: string, parameter: (name: string) => string): string =>
  path.replaceAll(PARAMETER, (_, name: string) => parameter(name)).replaceAll('::', ':');

/** The field that gets its id from the `Idempotency-Key`, where there is one: callers do not send it. */
export function idFieldsOf({ idempotent }: Route): string[] {
  if (typeof idempotent === 'object') return idempotent.of ? [] : [idempotent.id];
  return typeof idempotent === 'string' ? [idempotent] : [];
}
