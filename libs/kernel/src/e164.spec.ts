import { parseNanp } from './e164.js';

it.each([
  ['2015550123'],
  ['12015550123'],
  ['+12015550123'],
  ['+1 (201) 555-0123'],
  ['201.555.0123'],
  ['tel:+1-201-555-0123'],
  ['\u202a+1 201 555 0123\u202c'],
  ['\u200e2015550123'],
  ['201\u2011555\u20130123'],
  ['２０１５５５０１２３'],
])('%j is the number that is meant', (written) => expect(parseNanp(written)).toBe('+12015550123'));

it.each([
  // Belgium has ten digits after the plus: with a 1 before them they are a stranger's.
  ['+3225550123'],
  ['+442079460123'],
  ['00442079460123'],
  ['+2015550123'],
  ['1+2015550123'],
  ['++12015550123'],
  ['201555012'],
  ['2115550123x'],
  ['9115550123'],
  ['tel:'],
  [''],
])('%j is refused by name', (written) => {
  expect(() => parseNanp(written, 'to')).toThrow(
    expect.objectContaining({ code: 'number-invalid', errors: [expect.objectContaining({ field: 'to' })] }),
  );
});
