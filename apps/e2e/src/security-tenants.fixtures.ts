import { ROUTES, pathParameters, type Route } from '@strowger/app-gateway';
import { newId } from '@strowger/kernel';
import { getMetadataStorage } from 'class-validator';
import { call } from './security.fixtures.js';
import { a, b, url, holds, lineOf, takesBody, type Ids, nodesOf, callers } from './security-system.fixtures.js';
import {
  BODIES,
  pathOf,
  known,
  idParameters,
  idFields,
  ask,
  shape,
  stateOfA,
  mayCall,
} from './security-requests.fixtures.js';

/** Part of security.e2e.spec.ts: tenants apart. */

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
          const expected = route.access === 'operator' ? 403 : 404;
          if (theirs.status !== expected || JSON.stringify(shape(theirs)) !== JSON.stringify(shape(nobodys)))
            wrong.push({
              caller: caller.name,
              route: lineOf(route),
              foreign,
              theirs: shape(theirs),
              nobodys: shape(nobodys),
            });
        }
      }
      if (caller.kind === 'portal') {
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
    const under: Ids = {
      resellers: 'system-providers',
      groups: 'resellers',
      users: 'groups',
      'portal-users': 'system-providers',
    };
    const segmentOf = (route: Route, field: string): string =>
      field === 'parentId'
        ? under[route.path.split('/').at(-1)!]!
        : field === 'objectId'
          ? 'users'
          : field === 'nodeId'
            ? 'groups'
            : `${field.slice(0, -2)}s`;
    const wrong: unknown[] = [];
    for (const caller of callers()) {
      const strange = [...nodesOf(a), ...nodesOf(b)].filter((id) => !caller.sees.has(id));
      for (const route of ROUTES.filter((each) => mayCall(each, caller) && each.access !== 'operator'))
        for (const field of idFields(route)) {
          // A's platform carries the numbers of all of A.
          const segment = segmentOf(route, field);
          const inA = segment === 'platforms' && caller.sees.has(a.platform.id);
          const id = inA ? b.platform.id : known(caller.foreign, segment, route);
          if (
            pathParameters(route.path).some(
              (name) => !caller.own[route.path.split('/').at(route.path.split('/').indexOf(`:${name}`) - 1)!],
            )
          )
            continue;
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

  holds('a list shows nothing of others', async () => {
    const wrong: unknown[] = [];
    for (const caller of callers()) {
      const strange = [...nodesOf(a), ...nodesOf(b)].filter((id) => !caller.sees.has(id));
      for (const route of ROUTES.filter((each) => each.method === 'GET' && mayCall(each, caller))) {
        const owned = idParameters(route).every(
          (name) => caller.own[route.path.split('/').at(route.path.split('/').indexOf(`:${name}`) - 1)!],
        );
        if (!owned) continue;
        const path = pathOf(route, (segment) => known(caller.own, segment, route));
        const answer = await call(
          `${url}${path}${route.response?.as === 'page' ? '?limit=200' : ''}`,
          'GET',
          caller.token,
        );
        const leaked = strange.filter((id) => answer.text.includes(id));
        const items = route.response?.as === 'page' ? (answer.body as { items: unknown[] }).items : answer.body;
        // B has one of everything: a list that is empty there proves nothing.
        const vacuous = caller.name === "B's administrator" && Array.isArray(items) && items.length === 0;
        if (answer.status !== 200 || leaked.length > 0 || (vacuous && !/attempts|opt-outs/.test(path)))
          wrong.push({ caller: caller.name, route: lineOf(route), status: answer.status, leaked, vacuous });
      }
    }
    expect(wrong).toEqual([]);
  });

  holds('what lies above is not theirs to change', async () => {
    const wrong: unknown[] = [];
    for (const caller of callers().filter(({ own, kind }) => kind === 'portal' && !own['system-providers']))
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
