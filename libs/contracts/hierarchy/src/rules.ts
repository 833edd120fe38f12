import { JSONSchema } from 'class-validator-jsonschema';

/** No leading or trailing white space and no control characters: identifiers are stored as given, never trimmed. */
export const AS_GIVEN = /^(?!\s)[^\p{Cc}]*(?<!\s)$/u;
export const PLAIN = /^[^\p{Cc}]*$/u;
export const plain = { message: '$property must not hold control characters' };
export const asGiven = { message: '$property must not begin or end with a space or hold control characters' };

/** Null empties the field. An optional field without this is left as it is by null. */
export const Clearable = (
  type: 'string' | 'integer' | 'boolean' | 'object' = 'string',
): ReturnType<typeof JSONSchema> => JSONSchema({ type: [type, 'null'] });
