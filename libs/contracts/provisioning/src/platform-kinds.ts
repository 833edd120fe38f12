import { Matches, type ValidationOptions } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';

const isKind = (options?: ValidationOptions): PropertyDecorator => Matches(/^[a-z][a-z0-9-]{0,31}$/, options);

/** A kind of carrier, by its name in the registry of carriers. Open: readers pass over kinds that they don't know. */
export const IsPlatformKind =
  (options?: ValidationOptions): PropertyDecorator =>
  (target, property) => {
    isKind(options)(target, property);
    JSONSchema({ format: 'platform-kind' })(target, String(property));
  };
