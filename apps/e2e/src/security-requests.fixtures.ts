import 'reflect-metadata';
import { ROUTES, pathParameters, type Route } from '@strowger/app-gateway';
import { newId } from '@strowger/kernel';
import { getMetadataStorage } from 'class-validator';
import { call, canary, phone, type Answer } from './security.fixtures.js';
import { a, b, url, lineOf, takesBody, UUID, type Ids, type Caller } from './security-system.fixtures.js';

/** A request of any route of the gateway, from its entry in the route table. */

/** What a request needs beside its ids, so that it would succeed for somebody who may. */
export const BODIES: Record<string, () => object> = {
  'PATCH /v1/system-providers/:id': () => ({ name: 'Stolen' }),
  'POST /v1/system-providers/:systemProviderId/resellers': () => ({
    key: 'stolen',
    name: 'Stolen',
    kind: 'enterprise',
  }),
  'PATCH /v1/resellers/:id': () => ({ name: 'Stolen' }),
  'POST /v1/resellers/:resellerId/groups': () => ({ key: 'stolen', name: 'Stolen' }),
  'PATCH /v1/groups/:id': () => ({ name: 'Stolen' }),
  'POST /v1/groups/:groupId/users': () => ({ broadworksUserId: `stolen-${newId()}`, name: 'Stolen' }),
  'PATCH /v1/users/:id': () => ({ name: 'Stolen' }),
  'POST /v1/portal-users': () => ({
    ...{ level: 'group', email: `${newId()}@security.example`, name: 'Stolen', password: canary('password') },
    ...{ role: 'administrator' },
    notifications: { technicalEmails: false, alerts: false, invoicesAndReceipts: false, licenseExpiryAlerts: false },
  }),
  'PATCH /v1/portal-users/:id': () => ({ name: 'Stolen', password: 'a stolen password' }),
  'PUT /v1/system-providers/:systemProviderId/purchases/:application/:licenseType': () => ({ quantity: 7 }),
  'POST /v1/users/:userId/licenses': () => ({ application: 'UnityDesktop', licenseType: 'Pro' }),
  'POST /v1/system-providers/:systemProviderId/platforms': () => ({
    ...{ kind: 'restcomm', account: b.account.sid, secret: b.account.token },
  }),
  'PATCH /v1/platforms/:id': () => ({ name: 'Stolen' }),
  'POST /v1/users/:userId/numbers': () => ({ number: phone('0001') }),
  'PATCH /v1/numbers/:id': () => ({ friendlyName: 'Stolen' }),
  'POST /v1/client/messages': () => ({ to: `+1${phone()}`, text: 'Stolen' }),
  'POST /v1/users/:userId/messages': () => ({ to: `+1${phone()}`, text: 'Stolen' }),
  'POST /v1/client/blocks': () => ({ number: `+1${phone()}` }),
  'POST /v1/client/acks': () => ({ cursor: 1 }),
  'POST /v1/messages/preview': () => ({ text: 'Hello' }),
  'POST /v1/client/messages/preview': () => ({ text: 'Hello' }),
  'POST /v1/system-providers': () => ({ name: 'Stolen' }),
};
/** No ids: a product's name. */
export const WORDS: Ids = { application: 'UnityDesktop', licenseType: 'Pro' };

/** The path segment before a parameter says whose id it is. */
export function pathOf(route: Route, idFor: (segment: string, name: string) => string): string {
  return route.path.replaceAll(/([a-z-]+)\/:(\w+)|:(\w+)/g, (_, segment: string, name: string, word: string) =>
    word ? WORDS[word]! : WORDS[name] ? `${segment}/${WORDS[name]}` : `${segment}/${idFor(segment, name)}`,
  );
}
export function known(ids: Ids, segment: string, route: Route): string {
  const id = ids[segment];
  if (!id) throw new Error(`${lineOf(route)}: teach this spec what belongs to '${segment}'.`);
  return id;
}
export const idParameters = (route: Route): string[] => pathParameters(route.path).filter((name) => !WORDS[name]);

/** Fields beside the path that name something by its id. */
export function idFields(route: Route): string[] {
  const found = getMetadataStorage()
    .getTargetValidationMetadatas(route.contract.body, '', false, false)
    .filter((rule) => rule.name === 'isUuid')
    .map((rule) => rule.propertyName);
  const inPath = new Set([...pathParameters(route.path), ...(route.fill ? ['userId'] : [])]);
  return [...new Set(found)].filter((name) => !inPath.has(name));
}

export function ask(route: Route, caller: { token: string }, path: string, fields: object = {}): Promise<Answer> {
  const query = takesBody(route) || Object.keys(fields).length === 0 ? '' : `?${new URLSearchParams(fields as Ids)}`;
  const json = takesBody(route) ? { ...BODIES[lineOf(route)]?.(), ...fields } : undefined;
  return call(url + path + query, route.method, caller.token, { json, headers: { prefer: 'wait=5' } });
}

/** The same for every id: what a caller could tell them apart by is left. */
export const shape = ({ status, body }: Answer): unknown => {
  const { instance: _, ...problem } = (body ?? {}) as { instance?: string };
  return JSON.parse(JSON.stringify({ status, problem }).replaceAll(UUID, '<id>')) as unknown;
};

/** Everything readable of A, as its own people read it. */
export async function stateOfA(): Promise<Ids> {
  const [victim] = a.leaves;
  const ids: Ids = {
    ...a.ids,
    ...victim!.ids,
    groups: a.branches[0]!.groups[0]!.group.id,
    resellers: a.branches[0]!.reseller.id,
  };
  const state: Ids = {};
  for (const route of ROUTES.filter(({ method }) => method === 'GET')) {
    const path = pathOf(route, (segment) => known(ids, segment, route));
    const answer = await ask(route, { token: route.access === 'client' ? victim!.client : a.admin.token }, path);
    expect([lineOf(route), answer.status]).toEqual([lineOf(route), 200]);
    state[lineOf(route)] = answer.text;
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
    problem.code !== 'invalid-input' || (problem.errors?.length && problem.errors.every(({ field }) => field));
  return isProblem && named && problem.status === answer.status ? [] : [[what, answer.status, answer.text]];
}
