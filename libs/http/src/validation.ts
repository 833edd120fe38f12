import 'reflect-metadata';
import { type ArgumentMetadata, Injectable, type PipeTransform } from '@nestjs/common';
import { InvalidInput, validated } from '@strowger/kernel';

const PRIMITIVES: readonly unknown[] = [String, Number, Boolean, Array, Object];

/** Bodies and query objects become validated instances of their class; numbers and booleans of a query are converted. */
@Injectable()
export class InputPipe implements PipeTransform {
  transform(value: unknown, { metatype, type, data }: ArgumentMetadata): unknown {
    if (type === 'custom' || !metatype) return value;
    if (PRIMITIVES.includes(metatype)) return type === 'body' ? value : convert(value, metatype, data ?? type);
    if (data !== undefined) return value;
    const cls = metatype as new () => object;
    return validated(cls, type === 'body' ? (value ?? {}) : queryOf(cls, value as Record<string, unknown>));
  }
}

function convert(value: unknown, type: unknown, field: string): unknown {
  if (typeof value !== 'string') return value;
  if (type === Number) {
    const number = Number(value);
    if (value.trim() !== '' && Number.isFinite(number)) return number;
    throw new InvalidInput([{ field, rule: 'is-number', message: `The field '${field}' must be a number.` }]);
  }
  if (type === Boolean) {
    const boolean = { true: true, '1': true, false: false, '0': false }[value];
    if (boolean !== undefined) return boolean;
    throw new InvalidInput([{ field, rule: 'is-boolean', message: `The field '${field}' must be true or false.` }]);
  }
  return value;
}

/** A query carries only strings; its class says what they mean. `?tag=a` is a list of one where the class has a list. */
function queryOf(cls: new () => object, query: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => {
      const type: unknown = Reflect.getMetadata('design:type', cls.prototype as object, name);
      return [name, type === Array && typeof value === 'string' ? [value] : convert(value, type, name)];
    }),
  );
}
