import { analyze, isGsm7, smartEncoding, splitForSingles } from './encoding.js';

describe('segments, as messaging-rules §3 computes them', () => {
  it.each<[string, string, string, number, number]>([
    ['160 a', 'a'.repeat(160), 'GSM-7', 160, 1],
    ['161 a', 'a'.repeat(161), 'GSM-7', 161, 2],
    ['306 a', 'a'.repeat(306), 'GSM-7', 306, 2],
    ['307 a', 'a'.repeat(307), 'GSM-7', 307, 3],
    ['80 euro signs', '€'.repeat(80), 'GSM-7', 160, 1],
    ['81 euro signs', '€'.repeat(81), 'GSM-7', 162, 2],
    ['a euro sign at the edge of a part', `${'a'.repeat(152)}€${'a'.repeat(10)}`, 'GSM-7', 164, 2],
    ['every extension character but form feed and euro', '[x]{y}|z~^\\', 'GSM-7', 19, 1],
    ['70 ideographs', '你'.repeat(70), 'UCS-2', 70, 1],
    ['71 ideographs', '你'.repeat(71), 'UCS-2', 71, 2],
    ['134 ideographs', '你'.repeat(134), 'UCS-2', 134, 2],
    ['135 ideographs', '你'.repeat(135), 'UCS-2', 135, 3],
    ['35 emoji', '😀'.repeat(35), 'UCS-2', 70, 1],
    ['36 emoji', '😀'.repeat(36), 'UCS-2', 72, 2],
    ['67 emoji, 33 a part', '😀'.repeat(67), 'UCS-2', 134, 3],
    ['an emoji at the edge of a part', `${'b'.repeat(66)}😀${'b'.repeat(10)}`, 'UCS-2', 78, 2],
    ['curly quotes', 'It’s 5 o’clock', 'UCS-2', 14, 1],
    ['lower-case c with cedilla', 'façade', 'UCS-2', 6, 1],
    ['upper-case C with cedilla', 'FAÇADE', 'GSM-7', 6, 1],
    ['CRLF costs two', 'a\r\nb', 'GSM-7', 4, 1],
    ['a decomposed letter', 'e\u0301', 'UCS-2', 2, 1],
    ['an escape character', '\u001b', 'UCS-2', 1, 1],
    ['nothing', '', 'GSM-7', 0, 0],
  ])('%s', (_name, text, encoding, units, segments) => {
    const analysis = analyze(text);
    expect(analysis).toMatchObject({ encoding, units, segments });
    expect(analysis.parts).toHaveLength(segments);
    expect(analysis.parts.join('')).toBe(text);
  });

  it('moves an ESC pair to the next part whole', () => {
    expect(analyze(`${'a'.repeat(152)}€${'a'.repeat(10)}`).parts[1]).toBe(`€${'a'.repeat(10)}`);
  });

  it('moves a surrogate pair to the next part whole', () => {
    expect(analyze(`${'b'.repeat(66)}😀${'b'.repeat(10)}`).parts[1]).toBe(`😀${'b'.repeat(10)}`);
  });

  it('leaves a septet less per part with a 16-bit reference', () => {
    expect(analyze('a'.repeat(306), { longReference: true }).segments).toBe(3);
    expect(analyze('a'.repeat(304), { longReference: true }).segments).toBe(2);
    expect(analyze('你'.repeat(133), { longReference: true }).segments).toBe(3);
  });

  it.each(['`', '\t', '“', '–', '…', '\u00a0', 'ç', 'á', 'í', 'ó', 'ú', 'â', 'ê'])('%j forces UCS-2', (text) => {
    expect(isGsm7(text)).toBe(false);
  });

  it('knows all 127 basic characters and ten extensions, and no more', () => {
    const all = Array.from({ length: 0x3000 }, (_, code) => String.fromCharCode(code)).filter(isGsm7);
    expect(all).toHaveLength(137);
  });
});

it('splits for carriers that do not join parts, at 160 septets or 70 code units', () => {
  expect(splitForSingles('a'.repeat(161)).parts.map((part) => part.length)).toEqual([160, 1]);
  expect(splitForSingles(`${'你'.repeat(69)}😀`).parts.map((part) => part.length)).toEqual([69, 2]);
  expect(splitForSingles('').parts).toEqual([]);
});

describe('smart encoding', () => {
  it('makes typographic marks plain when that is enough for GSM-7', () => {
    expect(smartEncoding('“It’s – well…”\u00a0ok')).toBe('"It\'s - well..." ok');
  });
  it('leaves the text alone when something else needs UCS-2 anyway', () => {
    expect(smartEncoding('It’s 😀')).toBe('It’s 😀');
  });
});
