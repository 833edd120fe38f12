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

it('writes ids alike, at any depth and in lists, however they were sent', () => {
  class Holder {
    @IsUUID(undefined, { each: true }) ids!: string[];
    @ValidateNested() @Type(() => Whole) whole!: Whole;
  }
  const [id, capitals] = ['01934f5e-8f3a-7c21-b0a4-6f2f6a1d9c10', '01934F5E-8F3A-7C21-B0A4-6F2F6A1D9C10'];
  const given = { ids: [capitals], whole: { one: { id: capitals }, many: [{ id }, { id: capitals }] } };
  expect(validated(Holder, given)).toEqual({ ids: [id], whole: { one: { id }, many: [{ id }, { id }] } });
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
