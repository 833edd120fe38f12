import { newId } from '@strowger/kernel';

/** Input nobody meant, for every route: values of fields, whole bodies, ids and queries. */

const deep = (open: string, close: string, n: number): string => open.repeat(n) + close.repeat(n);

/** Whatever a field expects, most of these are wrong. */
export const ODD_VALUES: unknown[] = [
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

export const RAW_BODIES: [string, string | Uint8Array][] = [
  ...(['{', '"', '', 'null', '[]', '"text"', '7', '{"a":1}}', '{"a":', '{"name":"\\ud800"}', '\ufeff{}'] as const).map(
    (raw): [string, string] => [raw, raw],
  ),
  ['not UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
  ['deep arrays', `{"name":${deep('[', ']', 100_000)}}`],
  ['deep objects', `${'{"name":'.repeat(50_000)}1${'}'.repeat(50_000)}`],
  ['proto', '{"__proto__":{"admin":true},"name":"x"}'],
  ['nested proto', '{"name":{"__proto__":{"admin":true}}}'],
  ['constructor', '{"constructor":{"prototype":{"admin":true}},"name":"x"}'],
];

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

export const ODD_IDS = [
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

export const ODD_QUERIES = [
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
