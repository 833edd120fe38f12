import { CsvReader, CsvUnreadable } from './csv.js';

const read = (...pieces: string[]): string[][] => {
  const reader = new CsvReader();
  return [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()].map(({ fields }) => fields);
};

it.each([
  [
    'plain lines',
    'a,b\nc,d\n',
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
  ],
  [
    'no end on the last line',
    'a,b\nc,d',
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
  ],
  [
    'CRLF and lone CR',
    'a,b\r\nc,d\re,f\r\n',
    [
      ['a', 'b'],
      ['c', 'd'],
      ['e', 'f'],
    ],
  ],
  ['a byte order mark', '\uFEFFa,b\n', [['a', 'b']]],
  ['quoted fields', '"a, ""b""","c\r\nd"\n', [['a, "b"', 'c\r\nd']]],
  ['empty fields, also quoted and at the end', ',"",x,\n', [['', '', 'x', '']]],
  ['a field that is one quote', '""""\n', [['"']]],
  ['a byte order mark before a quote', '\uFEFF"a","b"\n', [['a', 'b']]],
  ['blank lines', '\n\na\n\r\nb\n\n', [['a'], ['b']]],
  [
    'semicolons',
    'a;b\n1,5;2\n',
    [
      ['a', 'b'],
      ['1,5', '2'],
    ],
  ],
  ['tabs', 'a\tb\n', [['a', 'b']]],
  ['a comma in a quoted header, with semicolons', '"a,x";b\n', [['a,x', 'b']]],
  ['quotes inside a field', 'a"b,c""d\n', [['a"b', 'c""d']]],
  ['spaces, which stay', ' a , b\n', [[' a ', ' b']]],
  ['one line without an end', 'a,b', [['a', 'b']]],
  ['nothing', '', []],
  ['a line of one quoted empty field', '""\nx\n', [[''], ['x']]],
])('reads %s', (_, text, records) => {
  expect(read(text)).toEqual(records);
  // However it is cut into pieces.
  expect(read(...text)).toEqual(records);
  for (let cut = 1; cut < text.length; cut++) expect(read(text.slice(0, cut), text.slice(cut))).toEqual(records);
});

it('numbers records as a spreadsheet does', () => {
  const reader = new CsvReader();
  expect(reader.push('head\n\n"two\nlines"\nlast\n').map(({ row }) => row)).toEqual([1, 3, 4]);
});

it('says where it can read no further', () => {
  expect(() => read('a,b\n"never closed\n')).toThrow(
    new CsvUnreadable(2, 'a quote that was opened there is never closed.'),
  );
  expect(() => read('a\n"b"c\n')).toThrow(/^Row 2 can't be read: after a closing quote/);
});

it('takes time that grows with the length only', () => {
  const text = `${'"x""y",'.repeat(200_000)}\n`;
  const before = performance.now();
  expect(read(text)[0]).toHaveLength(200_001);
  expect(performance.now() - before).toBeLessThan(2000);
});
