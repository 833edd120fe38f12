import { encodeCursor, InvalidCursor, isCursorNumber, isCursorText, isId, newId, pageOf, readCursor } from './index.js';

const refused = {
  kind: 'invalid',
  code: 'invalid-input',
  errors: [{ field: 'cursor', rule: 'cursor', message: 'The cursor is not one this list gave out.' }],
};

describe('the cursor of a list', () => {
  const id = newId();

  it('holds the position of the last row of its page', () => {
    const page = pageOf(
      [
        { id, name: 'Ärger & Co' },
        { id: newId(), name: 'Zet' },
      ],
      1,
      (row) => [row.name, row.id],
      (row) => row.name,
    );
    expect(page.items).toEqual(['Ärger & Co']);
    expect(readCursor(page.nextCursor!, isCursorText, isId)).toEqual(['Ärger & Co', id]);
  });

  it('is not there on the last page', () => {
    const last = pageOf(
      [1, 2],
      2,
      (row) => [row],
      (row) => row,
    );
    expect(last).toEqual({ items: [1, 2] });
  });

  it.each([
    ['text that is not base64', '😀'],
    ['base64 that is not JSON', Buffer.from('{"').toString('base64url')],
    ['something that is not a list', Buffer.from('7').toString('base64url')],
    ['nothing', encodeCursor([])],
    ['a part too few', encodeCursor(['a'])],
    ['a part too many', encodeCursor(['a', id, id])],
    ['an id that is none', encodeCursor(['a', 'b'])],
    ['a number where text stood', encodeCursor([1e308, id])],
    ['text no database takes', encodeCursor(['a\0', id])],
    ['null', Buffer.from(`[null,"${id}"]`).toString('base64url')],
  ])('that holds %s is refused, with the field and the rule', (_, cursor) => {
    const read = (): unknown => readCursor(cursor, isCursorText, isId);
    expect(read).toThrow(InvalidCursor);
    expect(read).toThrow(expect.objectContaining(refused));
  });

  it('may hold a whole number within bounds', () => {
    expect(readCursor(encodeCursor([7]), isCursorNumber(10))).toEqual([7]);
    for (const other of [11, -1, 1.5, '7'])
      expect(() => readCursor(encodeCursor([other]), isCursorNumber(10))).toThrow(InvalidCursor);
  });
});
