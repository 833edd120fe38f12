import { hierarchyRpc } from '@strowger/contracts-hierarchy';
import { AppError, InvalidInput, PLATFORM_SCOPE, SYSTEM_ACTOR, type FieldError, type Page } from '@strowger/kernel';
import type { Rpc } from '@strowger/rpc';
import { isUUID } from 'class-validator';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { authorize } from '../auth/access.js';
import type { ProviderTree } from '../auth/provider-tree.js';
import type { Principal, Tokens } from '../auth/tokens.js';
import { areaOf } from './areas.js';
import { idFromKey, IdempotencyKeyReused, type IdempotencyKeys } from './idempotency.js';
import type { Quotas } from '../rates/quotas.js';
import type { RequestRates } from '../rates/request-rates.js';
import { pathParameters, pathWith, type Answer, type Ask, type Route } from './route.js';
import { schemaOf } from './schemas.js';

const DEFAULT_WAIT_SECONDS = 20;
const MOST_WAIT_SECONDS = 30;
/** Longer than the keys of any account; what is cut off is refused by the service anyway. */
const MOST_RATE_KEY = 600;

type Fields = Record<string, unknown>;

/** Seconds of `Prefer: wait=N` (RFC 7240). */
export function preferredWait(header: string | undefined): number {
  const wait = /(?:^|[,;\s])wait=(\d+)/.exec(header ?? '')?.[1];
  return wait === undefined ? DEFAULT_WAIT_SECONDS : Math.min(Number(wait), MOST_WAIT_SECONDS);
}

/** The version an `If-Match` names; an absent header or `*` names none. */
export function ifMatchVersion(header: string | undefined): number | undefined {
  if (header === undefined || header === '*') return undefined;
  const version = /^(?:W\/)?"(\d+)"$/.exec(header)?.[1];
  if (version === undefined)
    throw new InvalidInput([
      { field: 'If-Match', rule: 'etag', message: 'If-Match must be an ETag this API gave out, such as "3".' },
    ]);
  return Number(version);
}

/** A query string has only text: what the request declares as number or boolean becomes one, if it reads as one. */
function typed(route: Route, query: Record<string, string>): Fields {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => {
      const type: unknown = Reflect.getMetadata('design:type', route.contract.body.prototype as object, name);
      if (type === Boolean && (value === 'true' || value === 'false')) return [name, value === 'true'];
      if (type === Number && value !== '' && Number.isFinite(Number(value))) return [name, Number(value)];
      return [name, value];
    }),
  );
}

/** Null empties a field where the document says so. Elsewhere it would be taken for leaving the field out. */
function misplacedNulls(route: Route, body: Fields): FieldError[] {
  const { properties = {} } = schemaOf(route.contract.body);
  return Object.entries(body)
    .filter(([name, value]) => value === null && Object.hasOwn(properties, name))
    .filter(([name]) => ![properties[name]!['type']].flat().includes('null'))
    .map(([name]) => ({
      field: name,
      rule: 'not-null',
      message: `The field '${name}' must not be null. Leave it out if you have no value for it.`,
    }));
}

/** Ids are compared by what they mean: a UUID in capitals is the same. */
const sameId = (one: unknown, other: string): boolean =>
  one === other || (typeof one === 'string' && isUUID(one) && one.toLowerCase() === other.toLowerCase());

/** Path parameters are fields of the request: a body that says something else is a mistake worth naming. */
function assemble(route: Route, request: FastifyRequest): Fields {
  const sent = request.body ?? {};
  if (typeof sent !== 'object' || Array.isArray(sent))
    throw new InvalidInput([{ field: 'body', rule: 'object', message: 'The body must be a JSON object.' }]);
  const body = sent as Fields;
  const params = request.params as Record<string, string>;
  const errors: FieldError[] = Object.entries(params)
    .filter(([name, value]) => body[name] !== undefined && !sameId(body[name], value))
    .map(([name]) => ({ field: name, rule: 'path', message: `${name} is already in the path and differs from it.` }));
  const takesBody = route.method !== 'GET' && route.method !== 'DELETE';
  // Addresses are kept in logs and histories, so no password may come in one; nothing else that belongs in a body either.
  for (const field of takesBody ? Object.keys(request.query as object) : [])
    errors.push({ field, rule: 'in-body', message: `The field '${field}' belongs in the body, not in the address.` });
  if (takesBody) errors.push(...misplacedNulls(route, body));
  if (errors.length) throw new InvalidInput(errors);
  return {
    ...(takesBody ? body : typed(route, request.query as Record<string, string>)),
    ...params,
  };
}

const textIn = (body: Fields, name: string): string | undefined =>
  typeof body[name] === 'string' ? body[name] : undefined;

const without = ({ body, ...answer }: Answer, field: string): Answer => ({
  ...answer,
  body: Object.fromEntries(Object.entries(body as object).filter(([name]) => name !== field)),
});

/** Serves the route table: authorizes, assembles the service's request, calls it and shapes the answer. */
export class RouteHost {
  constructor(
    private readonly tokens: Tokens,
    private readonly rpc: Rpc,
    private readonly keys: IdempotencyKeys,
    private readonly providers: ProviderTree,
    private readonly quotas: Quotas,
    private readonly rpcTimeoutMs = 45_000,
    private readonly rates?: RequestRates,
  ) {}

  register(fastify: FastifyInstance, table: readonly Route[]): void {
    for (const route of table)
      fastify.route({
        method: route.method,
        url: route.path,
        handler: async (request, reply) => this.send(reply, await this.serve(route, request)),
      });
  }

  private async serve(route: Route, request: FastifyRequest): Promise<Answer> {
    const principal =
      route.access === 'public' ? undefined : await authorize(this.tokens, request, route.access, areaOf(route));
    const body: Fields = { ...assemble(route, request), ...(principal && route.fill?.(principal)) };
    if (route.versioned && route.method !== 'GET')
      body['version'] = ifMatchVersion(request.headers['if-match']) ?? body['version'];
    if (route.rate)
      this.rates?.admit(principal?.actor.id ?? request.clientAddress ?? '', route.rate(body).slice(0, MOST_RATE_KEY));
    if (route.sends)
      this.quotas.send(
        {
          userId: principal?.kind === 'client' ? principal.userId : textIn(body, 'userId'),
          systemProviderId: principal?.scope.systemProviderId,
          address: request.clientAddress,
        },
        route.sends(body),
      );
    if (route.waits) body['waitSeconds'] = preferredWait(request.headers.prefer as string | undefined);
    const key = route.idempotent ? (request.headers['idempotency-key'] as string | undefined) : undefined;
    if (key === undefined) return this.call(route, principal, body, request.clientAddress);
    if (key.length === 0 || key.length > 255)
      throw new InvalidInput([
        { field: 'Idempotency-Key', rule: 'length', message: 'An Idempotency-Key has 1 to 255 characters.' },
      ]);
    const caller = `${principal?.actor.id ?? request.clientAddress} ${route.method} ${route.path}`;
    if (typeof route.idempotent === 'object') {
      const { id, of, reused } = route.idempotent;
      if (of === undefined) body[id] = idFromKey(caller, key);
      else body[of] = itemsOf(body[of]).map((item, i) => ({ ...item, [id]: idFromKey(caller, key, i) }));
      return this.call(route, principal, body, request.clientAddress).catch((error: unknown) => {
        throw AppError.wrap(error).code === reused ? new IdempotencyKeyReused() : error;
      });
    }
    const fingerprint = { ...body, waitSeconds: undefined };
    const run = (attempt: number): Promise<Answer> => {
      if (typeof route.idempotent === 'string') body[route.idempotent] = idFromKey(caller, key, attempt);
      return this.call(route, principal, body, request.clientAddress);
    };
    const { shownOnce } = route;
    return this.keys.once(caller, key, fingerprint, run, shownOnce && ((answer) => without(answer, shownOnce)));
  }

  private async call(route: Route, principal: Principal | undefined, body: Fields, ip?: string): Promise<Answer> {
    const { scope: own, actor } = principal ?? { scope: PLATFORM_SCOPE, actor: { ...SYSTEM_ACTOR, ip } };
    const scope = await this.providers.widen(own);
    const ask: Ask = (contract, request) =>
      this.rpc.call(
        contract,
        { scope, actor, body: request },
        { timeoutMs: this.rpcTimeoutMs, bundled: route.bundled },
      );
    const replied = await (route.compose?.(ask, body) ?? ask(route.contract, body));
    const reply = route.mint ? await route.mint(replied, this.tokens) : replied;
    if (route.changesProviders) this.providers.forget();
    if (route.ofUser && (reply as Page<unknown>).items.length === 0)
      await this.rpc.call(hierarchyRpc.getUser, { scope, actor, body: { id: body['userId'] as string } });
    // Before anything is shown: what can't be written down is not read.
    if (route.access === 'texts' && principal?.kind === 'portal-user' && principal.role === 'support')
      await this.rpc.call(hierarchyRpc.recordTextsRead, {
        scope,
        actor,
        body: { userId: textIn(body, 'userId'), messageId: textIn(body, 'id') },
      });
    const answer = route.answer?.(reply) ?? { status: route.status ?? (route.response ? 200 : 204), body: reply };
    const version = (answer.body as { version?: unknown } | null)?.version;
    if (typeof version === 'number') answer.headers = { etag: `"${version}"`, ...answer.headers };
    return answer;
  }

  private send(reply: FastifyReply, { status, body, headers }: Answer): FastifyReply {
    if (headers) reply.headers(headers);
    reply.code(status).header('cache-control', 'no-store');
    return status === 204 ? reply.send() : reply.type('application/json; charset=utf-8').send(body);
  }
}

/** Of a list in a body; what is no object, or no list, the service refuses as it stands. */
const itemsOf = (list: unknown): object[] =>
  Array.isArray(list) && list.every((item) => typeof item === 'object' && item !== null) ? list : [];

/** Names of path parameters that do not exist in a route's request would go unnoticed until called. */
export function assertRoutes(table: readonly Route[]): void {
  const seen = new Set<string>();
  for (const { method, path } of table) {
    const line = `${method} ${pathWith(path, () => ':')}`;
    if (seen.has(line)) throw new AppError('internal', 'route-declared-twice', `${method} ${path} is declared twice.`);
    seen.add(line);
    if (new Set(pathParameters(path)).size !== pathParameters(path).length)
      throw new AppError('internal', 'route-parameter-twice', `${method} ${path} names a parameter twice.`);
  }
}
