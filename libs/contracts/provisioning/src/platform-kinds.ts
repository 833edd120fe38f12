import { Matches, type ValidationOptions } from 'class-validator';

/** A kind of carrier, by its name in the registry of carriers. Open: readers pass over kinds that they don't know. */
export const IsPlatformKind = (options?: ValidationOptions): PropertyDecorator =>
  Matches(/^[a-z][a-z0-9-]{0,31}$/, options);
