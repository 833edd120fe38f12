import { Type } from 'class-transformer';
import { IsArray, IsOptional, IsUUID, ValidateNested } from 'class-validator';
import { type InvalidInput, validated } from './index.js';

class Part {
  @IsOptional() @IsUUID() id?: string;
}
class Whole {
  @IsOptional() @ValidateNested() @Type(() => Part) one?: Part;
  @IsOptional() @IsArray() @ValidateNested({ each: true }) @Type(() => Part) many?: Part[];
}

it.each([
  ['one', { one: [] }, 'one'],
  ['one of one', { one: [[]] }, 'one'],
  ['many', { many: [{}, []] }, 'many.1'],
  ['many of many', { many: [[[]]] }, 'many.0'],
])('refuses a list where an object belongs: %s', (_what, input, field) => {
  let refused: InvalidInput | undefined;
  try {
    validated(Whole, input);
  } catch (error) {
    refused = error as InvalidInput;
  }
  expect(refused?.errors?.[0]).toMatchObject({ field, rule: 'is-object' });
});

it('takes objects, and nothing at all', () => {
  expect(validated(Whole, { one: {}, many: [{}, {}] })).toMatchObject({ many: [{}, {}] });
  expect(validated(Whole, {})).toEqual({});
});

it('leaves out what it does not know where a newer sender may have added it, and checks the rest as ever', () => {
  expect(validated(Part, { id: undefined, later: 1 }, { unknown: 'ignored' })).not.toHaveProperty('later');
  expect(() => validated(Part, { later: 1 })).toThrow('later');
  expect(() => validated(Part, { id: 7, later: 1 }, { unknown: 'ignored' })).toThrow('id');
});

it.each(['constructor', '__proto__', 'toString'])('knows no field %s, at any depth', (name) => {
  const body = JSON.parse(`{"inner":[{"${name}":"x"}],"${name}":1}`) as object;
  expect(() => validated(class Anything {}, body)).toThrow(
    expect.objectContaining({
      errors: [
        expect.objectContaining({ field: `inner.0.${name}`, rule: 'unknown-field' }),
        expect.objectContaining({ field: name, rule: 'unknown-field' }),
      ],
    }),
  );
});
