import { until } from '@strowger/api-client';
import { ROUTES, type Route } from '@strowger/app-gateway';
import type { ImportView } from '@strowger/contracts-hierarchy';
import { newId } from '@strowger/kernel';
import { getMetadataStorage } from 'class-validator';
import { call } from './security.fixtures.js';
import { a, b, operator, url, holds, lineOf, takesBody } from './security-system.fixtures.js';
import { BODIES, QUERIES } from './security-bodies.fixtures.js';
import { pathOf, known, idParameters, ask, complaintsAbout } from './security-requests.fixtures.js';
import { MINUTES } from './world.fixtures.js';

/** Part of security.e2e.spec.ts: input nobody meant. */

describe('hostile input', () => {
  const deep = (open: string, close: string, n: number): string => open.repeat(n) + close.repeat(n);
  const SCALARS: unknown[] = [
    ...[
      null,
      7,
      -1,
      1e308,
      true,
      {},
      [],
      [[]],
      '',
      ' ',
      '\0',
      'a\0b',
      '\ud800',
      '\u202e\u0000',
      '😀'.repeat(300),
      'x'.repeat(300_000),
    ],
    ...["' or 1=1 --", '%_\\', '../../etc/passwd', '${7*7}', '{"$ne":null}', { $ne: null }, { toString: 1 }],
  ];
  const membersOf = (value: unknown): string[] =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
  const portal = () => ({
    ...b.branches[0]!.groups[0]!.ids,
    ...b.ids,
    ...b.leaves[0]!.ids,
    // Whoever's password is changed has to sign in again.
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
        const raws: [string, string | Uint8Array][] = [
          ...(
            ['{', '"', '', 'null', '[]', '"text"', '7', '{"a":1}}', '{"a":', '{"name":"\\ud800"}', '\ufeff{}'] as const
          ).map((raw): [string, string] => [raw, raw]),
          ['not UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
          ['deep arrays', `{"name":${deep('[', ']', 100_000)}}`],
          ['deep objects', `${'{"name":'.repeat(50_000)}1${'}'.repeat(50_000)}`],
          ['proto', '{"__proto__":{"admin":true},"name":"x"}'],
          ['nested proto', '{"name":{"__proto__":{"admin":true}}}'],
          ['constructor', '{"constructor":{"prototype":{"admin":true}},"name":"x"}'],
        ];
        for (const [what, raw] of raws) {
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
          for (const value of SCALARS) {
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
      const cursors = [
        'x',
        '%00',
        '😀',
        ...[
          [],
          ['a', 'b'],
          ['\0', newId()],
          ['x\ud800', newId()],
          [1e308, newId()],
          [{}, 1],
          [newId()],
          ['2026-99-99 99:99:99+00', newId()],
          [null, null],
          7,
        ].map((position) => Buffer.from(JSON.stringify(position)).toString('base64url')),
      ];
      const paths = [
        '%00',
        '..%2f..%2fetc',
        'not-an-id',
        "'%20or%201=1",
        'x'.repeat(600),
        newId().toUpperCase(),
        '%ff',
        '%E0%A4%A',
        '😀',
        '__proto__',
        'null',
        '-1',
      ];
      const queries = [
        ...[
          'limit=0',
          'limit=-1',
          'limit=1e308',
          'limit=99999999999999999999',
          'limit=NaN',
          'limit=',
          'limit=1&limit=2',
          'cursor=a&cursor=b',
        ],
        ...[
          'search=%25%25%25',
          'search=_',
          'search=%5C',
          'search=%27%3B--',
          'search=%00',
          'search=a%00b',
          'search=%F0%9F%98%80',
          'search=%ED%A0%80',
          `search=${'x'.repeat(5000)}`,
          'search=a&search=b',
          'search[]=a',
          'search[x]=a',
        ],
        ...[
          '__proto__=x',
          '__proto__[admin]=true',
          'constructor=x',
          'nothing=x',
          '%00=x',
          'state=%00',
          'parentId=x',
          'userId=%00',
          'objectId=1',
          'conversationId=x',
          'includeReleased=maybe',
          'deleteMessages=maybe',
        ],
        ...cursors.map((cursor) => `cursor=${encodeURIComponent(cursor)}`),
      ];
      for (const route of ROUTES.filter(({ method }) => method === 'GET')) {
        const token = tokenFor(route);
        const path = pathOf(route, (segment) => known(portal(), segment, route));
        const needed = String(new URLSearchParams(QUERIES[lineOf(route)] as Record<string, string>));
        for (const odd of queries) {
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
        for (const id of paths) {
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

  holds('in a file is refused, or told row by row, and the import ends', async () => {
    const header = 'resellerId,groupId,broadworksUserId,userName\n';
    const files: [string, string | Uint8Array][] = [
      ...[
        '',
        '\n',
        'a',
        '\0',
        '"',
        header,
        `${header}"`,
        `${header}a"b,c,d,e`,
        `${header},,,,,,,,`,
        header + header,
      ].map((text): [string, string] => [JSON.stringify(text), text]),
      ['null bytes', `${header}r\0,g\0,u\0@x.example,n\0`],
      ['formulas', `${header}=cmd(),+1,-1@x.example,@sum`],
      ['not UTF-8', new Uint8Array([...new TextEncoder().encode(header), 0xff, 0xfe])],
      ['a million commas', header + ','.repeat(1_000_000)],
      ['a field of a megabyte', `${header}"${'x'.repeat(1_000_000)}",g,u@x.example,n`],
      ['fields nobody knows', '__proto__,constructor,broadworksUserId\na,b,c@x.example'],
    ];
    const to = `${url}/v1/system-providers/${b.provider.id}/imports`;
    for (const [what, raw] of files) {
      const answer = await call(to, 'POST', b.admin.token, { raw, headers: { 'content-type': 'text/csv' } });
      expect(complaintsAbout(what, answer)).toEqual([]);
      if (answer.status !== 202) continue;
      const { id } = answer.body as ImportView;
      const over = await until(`the end of the import of ${what}`, async () => {
        const now = await b.admin.get<ImportView>(`/v1/imports/${id}`);
        return now.finishedAt !== undefined && now;
      });
      expect([what, over.created, over.kept]).toEqual([what, what === 'formulas' ? over.created : 0, 0]);
    }
    for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x', '']) {
      const answer = await call(to, 'POST', b.admin.token, { raw: header, headers: { 'content-type': type } });
      expect([type, answer.status, complaintsAbout(type, answer)]).toEqual([type, expect.any(Number), []]);
      expect([400, 415]).toContain(answer.status);
    }
  });

  holds('wildcards in a search mean themselves', async () => {
    for (const search of ['%', '_', '\\', "'"])
      for (const list of ['/v1/users', '/v1/numbers', '/v1/groups', '/v1/resellers', '/v1/portal-users']) {
        const { items } = await b.admin.get<{ items: object[] }>(`${list}?search=${encodeURIComponent(search)}`);
        const others = items.filter((item) => !JSON.stringify(item).includes(search));
        expect([list, search, others]).toEqual([list, search, []]);
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
