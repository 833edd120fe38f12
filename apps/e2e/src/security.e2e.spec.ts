import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '@strowger/api-client';
import { ROUTES, pathParameters, type Route } from '@strowger/app-gateway';
import { DEVELOPMENT_KEYRING, DEVELOPMENT_TOKEN_SECRET } from '@strowger/config';
import type { ImportView } from '@strowger/contracts-hierarchy';
import type { PlatformView, TimelineEntryView } from '@strowger/contracts-provisioning';
import type { AttemptView } from '@strowger/contracts-routing';
import { newId } from '@strowger/kernel';
import { getMetadataStorage } from 'class-validator';
import { useAccounts } from './security-accounts.fixtures.js';
import { BODIES, QUERIES } from './security-bodies.fixtures.js';
import { ODD_IDS, ODD_QUERIES, ODD_VALUES, RAW_BODIES } from './security-hostile.fixtures.js';
import {
  ask,
  complaintsAbout,
  idFields,
  idParameters,
  known,
  mayCall,
  pathOf,
  segmentBefore,
  shape,
  stateOfA,
} from './security-requests.fixtures.js';
import {
  a,
  b,
  callers,
  collector,
  holds,
  lineOf,
  nodesOf,
  operator,
  system,
  takesBody,
  url,
  type Caller,
  type Ids,
} from './security-system.fixtures.js';
import type { StackService } from '../../../tools/setup/stack.ts';
import { call, canary, everywhere, formsOf, phone, problemsSeen, type Answer } from './security.fixtures.js';
import { MINUTES } from './world.fixtures.js';

/**
 * Whole-system security on one running stack, which the parts share because starting it takes longer than most of them.
 * The order counts: the last part looks at everything the others have left behind.
 */

/** What only portal users may do: a key has no account of its own and manages no interface users. */
const forKeys = ({ access, method, path }: Route): boolean =>
  access !== 'self' && (method === 'GET' || !path.includes('/interface-users'));
const forbidden = (route: Route, { kind }: Caller): boolean =>
  route.access === 'operator' || (kind === 'key' && !forKeys(route));
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
          const status = forbidden(route, caller) ? 403 : 404;
          if (theirs.status !== status || JSON.stringify(shape(theirs)) !== JSON.stringify(shape(nobodys)))
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

  /** Lists that are empty for B as well. */
  const EMPTY = new Set(['GET /v1/messages/:id/attempts', 'GET /v1/numbers/:id/opt-outs']);

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
          answer.status !== (forbidden(route, caller) ? 403 : 200) ||
          leaked.length > 0 ||
          (vacuous && !EMPTY.has(lineOf(route)))
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

describe('hostile input', () => {
  const membersOf = (value: unknown): string[] =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
  const portal = () => ({
    ...b.branches[0]!.groups[0]!.ids,
    ...b.ids,
    ...b.leaves[0]!.ids,
    // Someone whose password is changed has to sign in again.
    'portal-users': b.branches[0]!.groups[0]!.adminId,
    groups: b.branches[0]!.groups[0]!.group.id,
    resellers: b.branches[0]!.reseller.id,
  });
  const tokenFor = (route: Route): string =>
    route.access === 'client' ? b.leaves[0]!.client : route.access === 'operator' ? operator.token : b.admin.token;

  holds(
    'in a body is refused with the field named, never with a 5xx',
    async () => {
      const wrong: unknown[] = [];
      // Those that would only work on what the other tests need, or ask a carrier.
      for (const route of ROUTES.filter(takesBody).filter((each) => BODIES[lineOf(each)])) {
        const path = url + pathOf(route, (segment) => known(portal(), segment, route));
        const token = tokenFor(route);
        for (const [what, raw] of RAW_BODIES) {
          const answer = await call(path, route.method, token, { raw });
          wrong.push(...complaintsAbout(`${lineOf(route)} ${what}`, answer));
          if (/proto|constructor/.test(what) && answer.status !== 400) wrong.push([lineOf(route), what, answer.status]);
        }
        const body = BODIES[lineOf(route)]!() as Record<string, unknown>;
        const fields = new Set([
          ...Object.keys(body).flatMap((field) => [field, ...membersOf(body[field]).map((name) => [field, name])]),
          ...getMetadataStorage()
            .getTargetValidationMetadatas(route.contract.body, '', false, false)
            .map((rule) => rule.propertyName),
        ]);
        for (const field of fields)
          for (const value of ODD_VALUES) {
            const wrongIn =
              typeof field === 'string'
                ? { [field]: value }
                : { [field[0]!]: { ...(body[field[0]!] as object), [field[1]!]: value } };
            // A number that is one would be bought, and a name that is one is given.
            const harmless = {
              ...body,
              ...(field === 'number' ? {} : 'number' in body && { number: '12' }),
              ...wrongIn,
            };
            const answer = await call(path, route.method, token, { json: harmless, headers: { prefer: 'wait=1' } });
            const what = `${lineOf(route)} ${String(field)}=${JSON.stringify(value)?.slice(0, 40)}`;
            wrong.push(...complaintsAbout(what, answer));
            // A list where one thing is meant.
            if (Array.isArray(value) && membersOf(body[String(field)]).length > 0 && answer.status < 400)
              wrong.push([what, answer.status]);
          }
      }
      expect(wrong.slice(0, 25)).toEqual([]);
      expect(({} as { admin?: boolean }).admin).toBeUndefined();
    },
    6 * MINUTES,
  );

  holds(
    'in an address or query is refused with the field named, never with a 5xx',
    async () => {
      const wrong: unknown[] = [];
      for (const route of ROUTES.filter(({ method }) => method === 'GET')) {
        const token = tokenFor(route);
        const path = pathOf(route, (segment) => known(portal(), segment, route));
        const needed = String(new URLSearchParams(QUERIES[lineOf(route)] as Record<string, string>));
        for (const odd of ODD_QUERIES) {
          const query = needed && !odd.startsWith('search') ? `${needed}&${odd}` : odd;
          wrong.push(
            ...complaintsAbout(
              `${lineOf(route)} ?${query.slice(0, 60)}`,
              await call(`${url}${path}?${query}`, 'GET', token),
            ),
          );
        }
      }
      for (const route of ROUTES.filter((each) => idParameters(each).length > 0 && each.access !== 'operator'))
        for (const id of ODD_IDS) {
          const answer = await ask(
            route,
            { token: tokenFor(route) },
            pathOf(route, () => id),
          );
          wrong.push(...complaintsAbout(`${lineOf(route)} ${id.slice(0, 20)}`, answer));
          if (![400, 404, 414].includes(answer.status))
            wrong.push([lineOf(route), id.slice(0, 20), answer.status, answer.text]);
        }
      expect(wrong.slice(0, 25)).toEqual([]);
    },
    6 * MINUTES,
  );

  holds('in a file is refused, or reported row by row, and the import ends', async () => {
    const endOf = async ({ id }: ImportView) => {
      const { state, created, kept, failed } = await until(`the end of import ${id}`, async () => {
        const now = await b.admin.get<ImportView>(`/v1/imports/${id}`);
        return now.finishedAt !== undefined && now;
      });
      return [state, { created, kept, failed }];
    };
    const none = { created: 0, kept: 0, failed: 0 };
    const refusedRow = ['done', { ...none, failed: 1 }];
    const header = 'resellerId,groupId,broadworksUserId,userName\n';
    const files: [string, string | Uint8Array, unknown][] = [
      ['nothing', '', 400],
      ['a blank line', '\n', 400],
      ['a letter', 'a', 400],
      ['a null byte', '\0', 400],
      ['a quote', '"', 400],
      ['the header alone', header, ['done', none]],
      ['a quote that never closes', `${header}"`, ['failed', none]],
      ['a quote inside a field', `${header}a"b,c,d,e`, refusedRow],
      ['empty fields', `${header},,,,,,,,`, refusedRow],
      ['the header twice', header + header, refusedRow],
      ['null bytes', `${header}r\0,g\0,u\0@x.example,n\0`, 400],
      // Of use to nobody, but names; what reads them in a spreadsheet is another matter.
      ['formulas', `${header}=cmd(),+1,-1@x.example,@sum`, ['done', { ...none, created: 1 }]],
      ['not UTF-8', new Uint8Array([...new TextEncoder().encode(header), 0xff, 0xfe]), 400],
      ['a million commas', header + ','.repeat(1_000_000), refusedRow],
      ['a field of a megabyte', `${header}"${'x'.repeat(1_000_000)}",g,u@x.example,n`, refusedRow],
      ['columns nobody knows', '__proto__,constructor,broadworksUserId\na,b,c@x.example', 400],
    ];
    const to = `${url}/v1/system-providers/${b.provider.id}/imports`;
    for (const [what, raw, expected] of files) {
      const answer = await call(to, 'POST', b.admin.token, { raw, headers: { 'content-type': 'text/csv' } });
      expect(complaintsAbout(what, answer)).toEqual([]);
      const outcome = answer.status === 202 ? await endOf(answer.body as ImportView) : answer.status;
      expect([what, outcome]).toEqual([what, expected]);
    }
    for (const [type, status] of [
      ['application/json', 400],
      ['text/plain', 415],
      ['multipart/form-data; boundary=x', 415],
      ['', 415],
    ] as const) {
      const answer = await call(to, 'POST', b.admin.token, { raw: header, headers: { 'content-type': type } });
      expect([type, answer.status, complaintsAbout(type, answer)]).toEqual([type, status, []]);
    }
  });

  holds('wildcards in a search mean themselves', async () => {
    for (const search of ['%', '_', '\\', "'"])
      for (const list of ['/v1/users', '/v1/numbers', '/v1/groups', '/v1/resellers', '/v1/portal-users']) {
        const { items } = await b.admin.get<{ items: object[] }>(`${list}?search=${encodeURIComponent(search)}`);
        const others = items.filter((item) => !JSON.stringify(item).includes(search));
        expect([list, search, others]).toEqual([list, search, []]);
        const { items: all } = await b.admin.get<{ items: object[] }>(list);
        expect([list, all.length > 0]).toEqual([list, true]);
      }
  });

  holds('of the wrong size or type has its own status', async () => {
    const to = `${url}/v1/messages/preview`;
    const big = await call(to, 'POST', a.admin.token, { raw: JSON.stringify({ text: 'x'.repeat(1 << 20) }) });
    const form = await call(to, 'POST', a.admin.token, {
      raw: 'text=x',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    const xml = await call(to, 'POST', a.admin.token, {
      raw: '<text/>',
      headers: { 'content-type': 'application/xml' },
    });
    expect([big.status, form.status, xml.status]).toEqual([413, 415, 415]);
    expect([big, form, xml].flatMap((answer) => complaintsAbout('size or type', answer))).toEqual([]);
  });

  holds('every answer carries the headers that keep browsers out', async () => {
    for (const path of [
      '/v1/me',
      '/v1/users',
      '/v1/nowhere',
      '/v1/sessions',
      '/v1/dead-letters',
      '/openapi.json',
      '/docs',
    ]) {
      const { headers } = await call(url + path, 'GET', operator.token);
      expect([path, headers.get('x-content-type-options'), headers.get('x-powered-by'), headers.get('server')]).toEqual(
        [path, 'nosniff', null, null],
      );
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
      if (path.startsWith('/v1')) expect([path, headers.get('cache-control')]).toEqual([path, 'no-store']);
    }
  });
});

describe('webhooks', () => {
  holds('an address that is none answers 404, whichever way it is wrong', async () => {
    const token = b.secrets['hookToken']!;
    const hooks = system.world.stack.urls.hooksUrl;
    const wrong = [
      `restcomm/${canary('hook')}`,
      `inteliquent/${token}`,
      `restcomm/${token}x`,
      `restcomm/${token.toLowerCase()}A`,
      'restcomm/__proto__',
      `restcomm/${'x'.repeat(400)}`,
      'restcomm/%00',
    ];
    const answers = await Promise.all(
      wrong.map((path) => call(`${hooks}/hooks/${path}`, 'POST', '', { raw: 'SmsSid=1' })),
    );
    expect(answers.map(({ status }) => status)).toEqual(wrong.map(() => 404));
    expect(new Set(answers.map((answer) => JSON.stringify(shape(answer)))).size).toBe(1);
  });

  holds('only what a carrier does is stored: other methods and bodies too large are refused', async () => {
    const hook = b.platform.webhookUrl;
    const stored = async (): Promise<number> => (await system.world.sql('select id from routing.quarantined')).length;
    const before = await stored();
    const statuses: unknown[] = [];
    for (const method of ['HEAD', 'OPTIONS', 'PUT', 'PATCH', 'DELETE'])
      statuses.push((await call(hook, method, '')).status);
    expect(statuses).toEqual([200, 204, 405, 405, 405]);
    const large = await call(hook, 'POST', '', {
      raw: 'x'.repeat(300 * 1024),
      headers: { 'content-type': 'text/plain' },
    });
    expect([large.status, large.headers.get('content-type')]).toEqual([
      413,
      expect.stringContaining('application/problem+json'),
    ]);
    expect(await stored()).toBe(before);
  });

  holds('nonsense from anyone who knows the address is kept and answered, never with a 5xx', async () => {
    const hook = b.platform.webhookUrl;
    const bodies = [
      '',
      '\0\0\0',
      '%',
      '&&&==',
      'SmsSid=%00&From=%ff&To=&Body=%ED%A0%80',
      '{"a":',
      '<xml',
      `From=${'9'.repeat(5000)}`,
      '__proto__[x]=1&SmsSid=a',
    ];
    for (const raw of bodies)
      for (const type of ['application/x-www-form-urlencoded; charset=utf-8', 'application/json', 'nonsense;;;']) {
        const { status } = await call(hook, 'POST', '', { raw, headers: { 'content-type': type } });
        expect([raw.slice(0, 20), type, status]).toEqual([raw.slice(0, 20), type, 200]);
      }
    for (const query of ['?%', '?From=%00', '?__proto__=1', `?x=${'y'.repeat(4000)}`])
      expect((await call(hook + query, 'GET', '')).status).toBe(200);
  });
});

describe('a platform', () => {
  holds('can only be at an address this installation allows', async () => {
    let asked = 0;
    const trap = createServer((_request, response) => {
      asked += 1;
      response.end('{}');
    });
    await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
    const inside = `http://127.0.0.1:${(trap.address() as AddressInfo).port}`;
    const allowed = new URL(a.platform.baseUrl);
    const before = await b.admin.get(`/v1/system-providers/${b.provider.id}/platforms`);
    for (const baseUrl of [
      ...[
        inside,
        `${inside}/2012-04-24`,
        'http://169.254.169.254/latest/meta-data',
        'file:///etc/passwd',
        'gopher://127.0.0.1:6379/_',
        '//127.0.0.1',
      ],
      ...[
        `${a.platform.baseUrl}@127.0.0.1`,
        `${a.platform.baseUrl}/../..`,
        `${a.platform.baseUrl}?x=`,
        `${a.platform.baseUrl}#`,
        a.platform.baseUrl.toUpperCase(),
        ` ${inside}`,
      ],
      `http://${allowed.host}@${inside.slice(7)}${allowed.pathname}`,
    ]) {
      const answer = await call(`${url}/v1/system-providers/${b.provider.id}/platforms`, 'POST', b.admin.token, {
        json: { kind: 'restcomm', credentials: { account: b.account.sid, secret: b.account.token }, baseUrl },
      });
      expect([baseUrl, answer.status, answer.headers.get('content-type')]).toEqual([
        baseUrl,
        400,
        expect.stringContaining('problem+json'),
      ]);
    }
    expect(asked).toBe(0);
    expect(await b.admin.get(`/v1/system-providers/${b.provider.id}/platforms`)).toEqual(before);
    await new Promise((resolve) => trap.close(resolve));
  });
});

describe('sessions', () => {
  const signIn = (email: string, password: string, headers = {}): Promise<Answer> =>
    call(`${url}/v1/sessions`, 'POST', '', { json: { email, password }, headers });
  const cookieOf = (answer: Answer): string => answer.headers.getSetCookie()[0]!.split(';')[0]!;

  holds('an unknown e-mail and a wrong password are answered alike, and both are limited', async () => {
    const person = await b.portalUser('system-provider', b.provider.id, 'guessed');
    const unknown = `nobody-${newId()}@security.example`;
    // Per address there may be fifty; each of these is one more.
    const guesses = async (email: string): Promise<Answer[]> => {
      const answers: Answer[] = [];
      for (let n = 0; n < 12; n += 1)
        answers.push(await signIn(email, canary('password'), { 'x-forwarded-for': `192.0.2.${n}` }));
      return answers;
    };
    const [known, nobody] = [await guesses(person.email), await guesses(unknown)];
    expect(known.map(({ status }) => status)).toEqual([...Array<number>(10).fill(401), 429, 429]);
    expect(nobody.map(({ status }) => status)).toEqual(known.map(({ status }) => status));
    expect(shape(known[0]!)).toEqual(shape(nobody[0]!));
    expect(Number(known[11]!.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await signIn(person.email, b.secrets['password-guessed']!)).status).toBe(429);
  });

  holds('a refresh token has one next token, also for two tabs at once, and none after signing out', async () => {
    const person = await b.portalUser('system-provider', b.provider.id, 'refreshing');
    const first = await signIn(person.email, b.secrets['password-refreshing']!);
    const flags = first.headers.getSetCookie()[0]!;
    for (const flag of [/HttpOnly/i, /SameSite=Strict/i, /Path=\/v1\/sessions(;|$)/i, /Expires=/i])
      expect(flags).toMatch(flag);
    const refresh = (cookie: string): Promise<Answer> =>
      call(`${url}/v1/sessions/refresh`, 'POST', '', { headers: { cookie } });
    b.secrets['refresh-1'] = cookieOf(first).split('=')[1]!;
    const second = await refresh(cookieOf(first));
    b.secrets['refresh-2'] = cookieOf(second).split('=')[1]!;
    expect([
      second.status,
      second.text.includes(b.secrets['refresh-2']!),
      cookieOf(second) === cookieOf(first),
    ]).toEqual([200, false, false]);
    const again = await refresh(cookieOf(first));
    expect([again.status, cookieOf(again)]).toEqual([200, cookieOf(second)]);
    const left = await call(`${url}/v1/sessions/current`, 'DELETE', '', { headers: { cookie: cookieOf(second) } });
    expect(left.status).toBe(204);
    for (const cookie of [cookieOf(first), cookieOf(second)]) expect((await refresh(cookie)).status).toBe(401);
    for (const cookie of [
      'strowger_refresh=',
      'strowger_refresh=%00',
      `strowger_refresh=${'x'.repeat(3000)}`,
      'strowger_refresh=__proto__',
    ])
      expect(complaintsAbout(cookie, await refresh(cookie))).toEqual([]);
  });

  holds('a token that was not signed here, or not for this, opens nothing', async () => {
    const [head, claims] = a.admin.token.split('.') as [string, string];
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    const raised = JSON.parse(Buffer.from(claims, 'base64url').toString()) as object;
    const platform = Buffer.from(
      JSON.stringify({ ...raised, scope: { level: 'platform', id: '', systemProviderId: '' } }),
    ).toString('base64url');
    for (const token of [
      `${none}.${claims}.`,
      `${none}.${platform}.`,
      `${head}.${platform}.${a.admin.token.split('.')[2]}`,
      'x',
      `${head}.${claims}`,
      '../../',
      b.secrets['hookToken']!,
    ])
      expect([token.slice(0, 20), (await call(`${url}/v1/system-providers`, 'GET', token)).status]).toEqual([
        token.slice(0, 20),
        401,
      ]);
    expect((await call(`${url}/v1/system-providers`, 'POST', a.admin.token, { json: { name: 'Mine' } })).status).toBe(
      403,
    );
  });
});

describe('outside development', () => {
  const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));
  const SECRETS = {
    STROWGER_TOKEN_SECRET: DEVELOPMENT_TOKEN_SECRET,
    STROWGER_SECRET_KEYS: DEVELOPMENT_KEYRING,
    OPERATOR_PASSWORD: 'change-me-please',
  };

  const start = (
    app: string,
    env: Record<string, string | undefined>,
  ): Promise<{ code: number | null; said: string }> =>
    new Promise((resolve) => {
      const child = spawn(process.execPath, [join(REPOSITORY, `apps/${app}/dist/main.js`)], {
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let said = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
      const timer = setTimeout(() => child.kill('SIGKILL'), MINUTES / 2);
      child.once('exit', (code) => {
        clearTimeout(timer);
        resolve({ code, said });
      });
    });

  type Environment = Record<string, string | undefined>;
  const production = (app: StackService): Environment => {
    const given = Object.entries(system.world.stack.envOf(app)).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)]],
    );
    return { ...Object.fromEntries(given), OPS_PORT: '0', PORT: '0', STROWGER_MODE: 'production' } as Environment;
  };
  const REQUIRED = [
    ['gateway', 'STROWGER_TOKEN_SECRET'],
    ['provisioning', 'STROWGER_SECRET_KEYS'],
    ['routing', 'STROWGER_SECRET_KEYS'],
  ] as const;

  describe.each([...REQUIRED, ['hierarchy', 'OPERATOR_PASSWORD']] as const)('%s', (app, variable) => {
    holds(`does not start with a known ${variable}`, async () => {
      const known = SECRETS[variable];
      const { code, said } = await start(app, { ...production(app), [variable]: known });
      expect(code).toBeGreaterThan(0);
      expect(said).toContain(variable);
      expect(said).not.toContain(known);
    });
  });

  describe.each(REQUIRED)('%s', (app, variable) => {
    holds(`does not start without ${variable}, also where no mode is named`, async () => {
      const { code, said } = await start(app, {
        ...production(app),
        [variable]: undefined,
        STROWGER_MODE: undefined,
      });
      expect(code).toBeGreaterThan(0);
      expect(said).toContain(`${variable} is required`);
    });
  });
});

describe('secrets', () => {
  /** Where the texts of messages belong: the raw journal, and what routing keeps; a carrier's refusal may quote one. */
  const TEXTS_BELONG = /^(stream INGESTION|file spool\/|table routing\.(message|opt_out|quarantined|send_attempt)$)/;
  holds(
    'are nowhere but where they belong, after all went well and after it did not',
    async ({ stack }) => {
      const { twins, admin, account } = a;
      const secrets: Record<string, string> = {
        ...a.secrets,
        ...Object.fromEntries(Object.entries(b.secrets).map(([k, v]) => [`b-${k}`, v])),
      };
      const texts: Record<string, string> = { ...a.texts, ...b.texts };
      const kept = JSON.parse(readFileSync(join(stack.home, 'secrets.json'), 'utf8')) as Record<
        string,
        string | Record<string, string>
      >;
      secrets['token secret'] = String(kept['tokenSecret']);
      secrets['keyring'] = String(kept['keyring']).split(':')[1]!;
      secrets['operator password'] = stack.operator.password;
      secrets['operator token'] = operator.token;
      for (const [role, password] of Object.entries(kept['roles'] as Record<string, string>))
        secrets[`role ${role}`] = password;

      const answers: Answer[] = [];
      const post = async (path: string, json: object, token = admin.token): Promise<Answer> => {
        const answer = await call(url + path, 'POST', token, {
          json,
          headers: { prefer: 'wait=10', 'idempotency-key': newId() },
        });
        answers.push(answer);
        return answer;
      };
      const platforms = `/v1/system-providers/${a.provider.id}/platforms`;
      const creation = (secret: string, more = {}) => ({
        kind: 'restcomm',
        credentials: { account: account.sid, secret, ...more },
      });
      // Wrong credentials, a carrier that repeats what it was sent, input that is refused, services that die.
      secrets['wrong token'] = canary('wrong-token');
      expect((await post(platforms, creation(secrets['wrong token']))).status).toBe(400);
      const echo = (carrier: 'restcomm' | 'message-exchange', path: string, status: number, body: string) =>
        twins.addFault({
          carrier,
          match: { path, accountSid: carrier === 'restcomm' ? account.sid : undefined },
          do: 'status',
          status,
          body,
          times: 8,
        });
      // Each can repeat only what it was sent.
      const saidBy = {
        restcomm: `{"message":"bad credentials ${account.token} ${secrets['basic']}","error":"${account.token}"}`,
        'message-exchange': `{"message":"bad token ${account.meToken}","error":"${account.meToken}","reason":"${account.meToken}"}`,
      };
      for (const status of [500, 400, 401, 403]) {
        await echo('restcomm', 'applications.list', status, saidBy.restcomm);
        await post(`/v1/platforms/${a.platform.id}/verify`, {});
        await twins.clearFaults();
      }
      const accounts = await useAccounts(a);
      Object.assign(secrets, accounts.secrets);
      const { user, client, number } = a.leaves[0]!;
      const from = number.e164;
      for (const [carrier, operation] of [
        ['restcomm', 'numbers.list'],
        ['restcomm', 'numbers.create'],
        ['message-exchange', 'exchange.lookup'],
        ['message-exchange', 'exchange.add'],
      ] as const)
        for (const status of [500, 400]) {
          await echo(carrier, operation, status, saidBy[carrier]);
          await post(`/v1/users/${user.id}/numbers`, { number: phone() });
          await twins.clearFaults();
        }
      const rotated = await post(`/v1/platforms/${a.platform.id}/rotate-webhook`, {});
      secrets['rotated hook'] = (rotated.body as PlatformView).webhookUrl.split('/').at(-1)!;
      texts['refused'] = canary('refused-text');
      await post(`/v1/users/${user.id}/messages`, { to: 7, text: texts['refused'] });
      await post('/v1/messages/preview', { text: texts['refused'], wrong: texts['refused'] });
      await post('/v1/portal-users', { password: (secrets['short'] = canary('password')), email: 'none' });
      for (const status of [500, 400, 403]) {
        const text = (texts[`echoed ${status}`] = canary(`echoed-${status}`));
        await echo('restcomm', 'messages.send', status, `{"message":"cannot send ${text} for ${account.token}"}`);
        const message = await post('/v1/client/messages', { from, to: `+1${phone()}`, text }, client);
        expect(message.status).toBe(202);
        const { id } = message.body as { id: string };
        await until(
          `the end of the try with ${status}`,
          async () => (await admin.get<AttemptView[]>(`/v1/messages/${id}/attempts`))[0]?.finishedAt,
          MINUTES,
        );
        await twins.clearFaults();
      }
      for (const service of ['routing', 'provisioning', 'gateway'] as const) {
        const text = (texts[`during the death of ${service}`] = canary(`death-${service}`));
        const calls = [
          post('/v1/client/messages', { from, to: `+1${phone()}`, text }, client),
          post(platforms, creation(account.token, { messageExchangeToken: account.meToken })),
        ];
        await stack.kill9(service);
        await Promise.allSettled(calls);
        await stack.startService(service);
      }
      await until('the last text being sent', async () =>
        (await twins.messages({ accountSid: account.sid })).some(({ body }) => Object.values(texts).includes(body)),
      );
      const numbers = (await admin.get<{ items: { id: string }[] }>('/v1/numbers?limit=200')).items;
      const timelines = await Promise.all(
        numbers.map(({ id }) => admin.get<TimelineEntryView[]>(`/v1/numbers/${id}/timeline`)),
      );

      // Spans leave in batches; those of the last request show that the others have left.
      await until('the spans', async () => collector.spans.some((span) => /messages/.test(span.name)));
      // The platform's own people must see its address to set the carrier up.
      const views = answers.map(({ text }) => text.replaceAll(/"webhookUrl":"[^"]*"/g, ''));
      const places = [
        ...(await everywhere(stack)),
        { where: 'traces', text: JSON.stringify(collector.spans) },
        { where: 'problems', text: problemsSeen.join('\n') },
        { where: 'timelines', text: JSON.stringify(timelines) },
      ];
      const found = (values: Record<string, string>, where: typeof places): string[] =>
        where.flatMap((place) =>
          Object.entries(values).flatMap(([name, value]) => {
            const form = formsOf(value).find((each) => place.text.includes(each));
            return form
              ? [
                  `${name} in ${place.where}: …${place.text.slice(Math.max(0, place.text.indexOf(form) - 150), place.text.indexOf(form) + 40)}`,
                ]
              : [];
          }),
        );
      // What this looks with does find what is there.
      const belongs = found(
        { text: a.texts['quarantined']! },
        places.filter(({ where }) => TEXTS_BELONG.test(where)),
      );
      expect(belongs.map((line) => line.split(':')[0])).toEqual(
        expect.arrayContaining(['text in table routing.quarantined', 'text in stream INGESTION']),
      );
      for (const needed of [
        /^log gateway\.log/,
        /^log provisioning\.log/,
        /^table provisioning\.outbox/,
        /^table hierarchy\./,
        /^stream KV_hook-endpoints/,
        /^stream PROVISIONING/,
        /^redis 2/,
        /^metrics gatewayOps/,
        /^file mail\.jsonl/,
      ])
        expect([needed, places.some(({ where, text }) => needed.test(where) && text.length > 0)]).toEqual([
          needed,
          true,
        ]);

      // What is mailed is in the mail, and found there.
      const mailbox = places.filter(({ where }) => where === 'file mail.jsonl');
      expect(found(accounts.mailed, mailbox)).toHaveLength(Object.keys(accounts.mailed).length);
      const others = places.filter((place) => !mailbox.includes(place));
      const strayed = places.filter(({ where }) => !TEXTS_BELONG.test(where));
      expect([
        ...found(secrets, [...places, { where: 'answers', text: [...views, ...accounts.replies].join('\n') }]),
        ...found(accounts.mailed, [...others, { where: 'answers', text: accounts.replies.join('\n') }]),
        ...found(texts, strayed),
      ]).toEqual([]);
    },
    5 * MINUTES,
  );
});
