import 'reflect-metadata';
import { ROUTES, pathParameters, type Route } from '@strowger/app-gateway';
import { getMetadataStorage } from 'class-validator';
import { BODIES, QUERIES } from './security-bodies.fixtures.js';
import { call, type Answer } from './security.fixtures.js';
import { a, operator, url, lineOf, takesBody, UUID, type Ids, type Caller } from './security-system.fixtures.js';

/** A request of any route of the gateway, from its entry in the route table. */

/** No ids: words in a path that mean the same to everybody. */
export const WORDS: Ids = { application: 'UnityDesktop', licenseType: 'Pro', hostName: 'a.security.example' };

/** The path segment before a parameter says whose id it is. */
export function pathOf(route: Route, idFor: (segment: string, name: string) => string): string {
  return route.path
    .replaceAll(/([a-z-]+)\/:(\w+)|(?<!:):(\w+)/g, (_, segment: string, name: string, word: string) =>
      word ? WORDS[word]! : WORDS[name] ? `${segment}/${WORDS[name]}` : `${segment}/${idFor(segment, name)}`,
    )
    .replaceAll('::', ':');
}
export function known(ids: Ids, segment: string, route: Route): string {
  const id = ids[segment];
  if (!id) throw new Error(`${lineOf(route)}: teach this spec what belongs to '${segment}'.`);
  return id;
}
export const segmentBefore = ({ path }: Route, name: string): string =>
  path.split('/').at(path.split('/').indexOf(`:${name}`) - 1)!;
export const idParameters = (route: Route): string[] => pathParameters(route.path).filter((name) => !WORDS[name]);

/** Fields beside the path that name something by its id. */
export function idFields(route: Route): string[] {
  const found = getMetadataStorage()
    .getTargetValidationMetadatas(route.contract.body, '', false, false)
    .filter((rule) => rule.name === 'isUuid')
    .map((rule) => rule.propertyName);
  const filled = route.fill?.({ kind: 'portal-user', actor: {} } as never);
  const taken = new Set([...pathParameters(route.path), ...Object.keys(filled ?? {})]);
  return [...new Set(found)].filter((name) => !taken.has(name));
}

export function ask(route: Route, caller: { token: string }, path: string, fields: object = {}): Promise<Answer> {
  const asked = { ...QUERIES[lineOf(route)], ...fields } as Ids;
  const query = takesBody(route) || Object.keys(asked).length === 0 ? '' : `?${new URLSearchParams(asked)}`;
  const json = takesBody(route) ? { ...BODIES[lineOf(route)]?.(), ...fields } : undefined;
  return call(url + path + query, route.method, caller.token, { json, headers: { prefer: 'wait=5' } });
}

/** The same for every id: what a caller could distinguish them by is left. */
export const shape = ({ status, body }: Answer): unknown => {
  const { instance: _, ...problem } = (body ?? {}) as { instance?: string };
  return JSON.parse(JSON.stringify({ status, problem }).replaceAll(UUID, '<id>')) as unknown;
};

/** It depends on the moment. */
const FORECAST = 'GET /v1/system-providers/:id/license-forecast';

/** Everything readable of A, as its own people read it, but for the forecast. */
export async function stateOfA(): Promise<Ids> {
  const [victim] = a.leaves;
  const ids: Ids = {
    ...a.branches[0]!.groups[0]!.ids,
    ...a.ids,
    ...victim!.ids,
    groups: a.branches[0]!.groups[0]!.group.id,
    resellers: a.branches[0]!.reseller.id,
  };
  const tokenOf = ({ access }: Route): string =>
    access === 'client' ? victim!.client : access === 'operator' ? operator.token : a.admin.token;
  const state: Ids = {};
  for (const route of ROUTES.filter(({ method }) => method === 'GET')) {
    const path = pathOf(route, (segment) => known(ids, segment, route));
    const answer = await ask(route, { token: tokenOf(route) }, path);
    expect([lineOf(route), answer.status]).toEqual([lineOf(route), 200]);
    if (lineOf(route) !== FORECAST) state[lineOf(route)] = answer.text;
  }
  const twin = await a.twins.numbers({ accountSid: a.account.sid });
  return { ...state, 'at the carrier': JSON.stringify(twin) };
}

export const mayCall = (route: Route, { kind }: Caller): boolean => (route.access === 'client') === (kind === 'client');

/** A refusal in our words: a problem with a stable code, and the broken fields where input is the matter. */
export function complaintsAbout(what: string, answer: Answer): unknown[] {
  const problem = (answer.body ?? {}) as { code?: string; errors?: { field?: string }[]; status?: number };
  if (answer.status >= 500) return [[what, answer.status, answer.text]];
  if (answer.status < 400) return [];
  const isProblem = answer.headers.get('content-type')?.startsWith('application/problem+json') && problem.code;
  const named =
    problem.code !== 'INVALID_INPUT' || (problem.errors?.length && problem.errors.every(({ field }) => field));
  return isProblem && named && problem.status === answer.status ? [] : [[what, answer.status, answer.text]];
}
