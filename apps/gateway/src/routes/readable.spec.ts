import type { InvalidInput } from '@strowger/kernel';
import { assertReadable } from './readable.js';

const fieldsOf = (input: unknown): string[] => {
  try {
    assertReadable(input);
  } catch (error) {
    return (error as InvalidInput).errors!.map(({ field }) => field);
  }
  return [];
};

it('lets through every text, emoji and control characters included', () =>
  expect(fieldsOf({ text: '😀\n\u202e', list: ['a', { b: 7, c: null }], none: undefined })).toEqual([]));

it('names the fields that hold NUL or half a character', () =>
  expect(fieldsOf({ name: 'a\0b', owner: { id: '\ud800' }, tags: ['ok', '\udc00'] }).sort()).toEqual([
    'name',
    'owner.id',
    'tags.1',
  ]));

it('refuses what is nested as deeply as it is long, without walking it', () => {
  const deep = JSON.parse('[{"a":'.repeat(50_000) + '1' + '}]'.repeat(50_000)) as unknown;
  expect(fieldsOf(deep)).toEqual(['body']);
});

it('does not grow an answer out of a body of nothing but mistakes', () =>
  expect(fieldsOf({ list: Array(10_000).fill('\0') })).toHaveLength(50));
