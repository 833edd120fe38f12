import { ROUTES, pathParameters, type Route } from '@strowger/app-gateway';
import { newId } from '@strowger/kernel';
import { getMetadataStorage } from 'class-validator';
import { call, type Answer } from './security.fixtures.js';
import {
  a,
  b,
  url,
  holds,
  lineOf,
  takesBody,
  type Caller,
  type Ids,
  nodesOf,
  callers,
} from './security-system.fixtures.js';
import { BODIES } from './security-bodies.fixtures.js';
import {
  pathOf,
  known,
  idParameters,
  idFields,
  ask,
  shape,
  stateOfA,
  mayCall,
  segmentBefore,
} from './security-requests.fixtures.js';

/** Part of security.e2e.spec.ts: tenants apart. */

/** What belongs to portal users is no key's, whoever owns it. */
const PEOPLE_ONLY = /\/(me|interface-users|api-keys)(\/|$)/;
const keyHasNone = (route: Route, { kind }: Caller, { status }: Answer): boolean =>
  kind === 'key' && PEOPLE_ONLY.test(route.path) && status === 403;
const refused = (route: Route, caller: Caller, answer: Answer): boolean =>
  answer.status === (route.access === 'operator' ? 403 : 404) || keyHasNone(route, caller, answer);
/** Whether it has something of its own for every id in the path. */
const owns = (caller: Caller, route: Route): boolean =>
  idParameters(route).every((name) => caller.own[segmentBefore(route, name)]);

describe('tenants', () => {
  it('every route that takes a body is known to this spec', () => {
    const unknown = ROUTES.filter(takesBody).filter((route) => {
      const fields = getMetadataStorage().getTargetValidationMetadatas(route.contract.body, '', false, false);
      const free = fields.filter(({ propertyName }) => !pathParameters(route.path).includes(propertyName));
      return free.length > 0 && !BODIES[lineOf(route)];
    });
    expect(unknown.map(lineOf)).toEqual([]);
  });

  holds('a foreign id is answered like one that does not exist, and changes nothing', async () => {
    const before = await stateOfA();
    const wrong: unknown[] = [];
    for (const caller of callers()) {
      for (const route of ROUTES.filter((each) => idParameters(each).length > 0 && mayCall(each, caller))) {
        const names = idParameters(route);
        // All foreign; then each one foreign under what is the caller's own.
        for (const foreign of [names, ...(names.length > 1 ? names.map((name) => [name]) : [])]) {
          const path = (foreignIds: Ids | undefined): string =>
            pathOf(route, (segment, name) =>
              foreign.includes(name)
                ? foreignIds
                  ? known(foreignIds, segment, route)
                  : newId()
                : known(caller.own, segment, route),
            );
          const [theirs, nobodys] = [
            await ask(route, caller, path(caller.foreign)),
            await ask(route, caller, path(undefined)),
          ];
          if (!refused(route, caller, theirs) || JSON.stringify(shape(theirs)) !== JSON.stringify(shape(nobodys)))
            wrong.push({
              caller: caller.name,
              route: lineOf(route),
              foreign,
              theirs: shape(theirs),
              nobodys: shape(nobodys),
            });
        }
      }
      if (caller.kind !== 'client') {
        const token = await call(`${url}/v1/users/${caller.foreign['users']}/client-tokens`, 'POST', caller.token);
        expect(token.status).toBe(404);
        expect((await call(`${url}/v1/dead-letters`, 'GET', caller.token)).status).toBe(403);
      }
    }
    expect(wrong).toEqual([]);
    expect(await stateOfA()).toEqual(before);
  });

  holds('a foreign id in a body or query reaches nothing', async () => {
    const before = await stateOfA();
    const under: Ids = { groups: 'resellers', users: 'groups' };
    const named: Ids = { objectId: 'users', nodeId: 'groups' };
    const segmentOf = (route: Route, field: string): string =>
      field === 'parentId'
        ? (under[route.path.split('/').at(-1)!] ?? 'system-providers')
        : (named[field] ?? `${field.slice(0, -2).replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}s`);
    const wrong: unknown[] = [];
    for (const caller of callers()) {
      const strange = [...nodesOf(a), ...nodesOf(b)].filter((id) => !caller.sees.has(id));
      for (const route of ROUTES.filter((each) => mayCall(each, caller) && each.access !== 'operator'))
        for (const field of idFields(route)) {
          // A's platform carries the numbers of all of A.
          const segment = segmentOf(route, field);
          const inA = segment === 'platforms' && caller.sees.has(a.platform.id);
          const id = inA ? b.platform.id : known(caller.foreign, segment, route);
          if (!owns(caller, route)) continue;
          const answer = await ask(
            route,
            caller,
            pathOf(route, (segment) => known(caller.own, segment, route)),
            { [field]: id },
          );
          const leaked = strange.filter((other) => other !== id && answer.text.includes(other));
          const empty = answer.status === 200 && ((answer.body as { items?: unknown[] }).items ?? ['?']).length === 0;
          if (leaked.length > 0 || !(empty || [403, 404, 409].includes(answer.status)))
            wrong.push({
              caller: caller.name,
              route: lineOf(route),
              field,
              status: answer.status,
              text: answer.text,
              leaked,
            });
        }
    }
    expect(wrong).toEqual([]);
    expect(await stateOfA()).toEqual(before);
  });

  holds('a file reaches no foreign provider, and its results are their own', async () => {
    const before = await stateOfA();
    const csv = 'resellerId,groupId,broadworksUserId\r\nstolen,stolen,stolen@security.example';
    const file = { raw: csv, headers: { 'content-type': 'text/csv' } };
    for (const { name, kind, token } of callers().filter((each) => each.kind !== 'client')) {
      const ask = async (providerId: string, importId: string) => {
        const sent = await call(`${url}/v1/system-providers/${providerId}/imports`, 'POST', token, file);
        return [shape(sent), shape(await call(`${url}/v1/imports/${importId}/results.csv`, 'GET', token))];
      };
      // A's own people know their provider, and may do nothing there.
      const foreign = name.startsWith('B') ? a : b;
      const theirs = await ask(foreign.provider.id, foreign.ids['imports']!);
      expect([name, theirs]).toEqual([name, await ask(newId(), newId())]);
      expect([name, kind, theirs]).toMatchObject([name, kind, [{ status: 404 }, { status: 404 }]]);
      if (foreign === a) continue;
      const above = await ask(a.provider.id, a.ids['imports']!);
      expect([name, above]).toMatchObject([name, [{ status: 404 }, { status: 404 }]]);
    }
    expect(await stateOfA()).toEqual(before);
  });

  holds('a list shows nothing of others', async () => {
    const wrong: unknown[] = [];
    for (const caller of callers()) {
      const strange = [...nodesOf(a), ...nodesOf(b)].filter((id) => !caller.sees.has(id));
      for (const route of ROUTES.filter(
        (each) => each.method === 'GET' && mayCall(each, caller) && each.access !== 'operator',
      )) {
        if (!owns(caller, route)) continue;
        const path = pathOf(route, (segment) => known(caller.own, segment, route));
        const answer = await ask(route, caller, path, route.response?.as === 'page' ? { limit: 200 } : {});
        const leaked = strange.filter((id) => answer.text.includes(id));
        const items = route.response?.as === 'page' ? (answer.body as { items: unknown[] }).items : answer.body;
        // B has one of everything: a list that is empty there proves nothing.
        const vacuous = caller.name === "B's administrator" && Array.isArray(items) && items.length === 0;
        if (
          !(answer.status === 200 || keyHasNone(route, caller, answer)) ||
          leaked.length > 0 ||
          (vacuous && !/attempts|opt-outs/.test(path))
        )
          wrong.push({ caller: caller.name, route: lineOf(route), status: answer.status, leaked, vacuous });
      }
    }
    expect(wrong).toEqual([]);
  });

  holds('what lies above is not theirs to change', async () => {
    const wrong: unknown[] = [];
    for (const caller of callers().filter(({ own, kind }) => kind !== 'client' && !own['system-providers']))
      for (const route of ROUTES.filter(
        (each) => each.method !== 'GET' && /system-providers\/:|platforms\/:/.test(each.path),
      )) {
        const answer = await ask(
          route,
          caller,
          pathOf(route, (segment) => known(a.ids, segment, route)),
        );
        if (![403, 404].includes(answer.status)) wrong.push([caller.name, lineOf(route), answer.status, answer.text]);
      }
    expect(wrong).toEqual([]);
  });
});
