import 'reflect-metadata';
import { createRequire } from 'node:module';
import { getMetadataStorage } from 'class-validator';
import { targetConstructorToSchema } from 'class-validator-jsonschema';
import type { MetadataStorage } from 'class-transformer/types/MetadataStorage.js';

// class-transformer keeps its metadata storage out of its entry point; nested types are only to be found there.
const { defaultMetadataStorage } = createRequire(import.meta.url)('class-transformer/cjs/storage.js') as {
  defaultMetadataStorage: MetadataStorage;
};

export type Schema = Record<string, unknown> & { properties?: Record<string, Schema>; required?: string[] };

/** Control characters by their codes: tools that read the document with another regular expression engine know no `\p{Cc}`. */
const portable = (pattern: string): string => pattern.replaceAll('\\p{Cc}', '\\u0000-\\u001f\\u007f-\\u009f');

/** Pages are asked for by what this API gave out, which is base64url. */
const CURSOR = '^[\\w-]+$';

/** In place of class-validator-jsonschema's own, or not among them, so that the field's reflected type would be taken. */
const OUR_CONVERTERS = {
  isTimeZone: {
    type: 'string',
    description: 'Name of a zone in the IANA database.',
    pattern: '^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$',
  },
  // Its own is `oneOf` a date and a time, which generators make two types of.
  isIso8601: { type: 'string', format: 'date-time' },
} as const;

/** Fields validated also where nothing was sent: `@ValidateIf` may excuse a null and still want the field. */
function requiredByCondition(type: new () => object): string[] {
  const conditions = new Map<string, boolean>();
  for (const { propertyName, type: kind, constraints } of metadataOf(type)) {
    if (kind !== 'conditionalValidation') continue;
    const [isValidated] = constraints as [(object: object, value: unknown) => boolean];
    conditions.set(propertyName, (conditions.get(propertyName) ?? true) && isValidated({}, undefined));
  }
  return [...conditions].filter(([, validated]) => validated).map(([name]) => name);
}

const metadataOf = (type: new () => object) =>
  getMetadataStorage().getTargetValidationMetadatas(type, '', false, false);

/**
 * JSON Schemas of contract classes, from their validation rules: what the document promises is what the service
 * checks. Nested classes become components of their own.
 */
export class SchemaRegistry {
  readonly components: Record<string, Schema> = {};

  reference(type: new () => object): Schema {
    if (!this.components[type.name]) {
      this.components[type.name] = {};
      this.components[type.name] = this.inline(type);
    }
    return { $ref: `#/components/schemas/${type.name}` };
  }

  /** What a request nests takes no unknown fields either. */
  close(schema: unknown): void {
    if (typeof schema !== 'object' || schema === null) return;
    const reference: unknown = Reflect.get(schema, '$ref');
    const component = typeof reference === 'string' ? this.components[reference.split('/').at(-1)!] : undefined;
    if (component?.['type'] === 'object' && component['additionalProperties'] === undefined) {
      component['additionalProperties'] = false;
      this.close(component);
    }
    for (const part of Object.values(schema)) this.close(part);
  }

  inline(type: new () => object): Schema {
    const schema = targetConstructorToSchema(type, {
      classTransformerMetadataStorage: defaultMetadataStorage,
      refPointerPrefix: '#/components/schemas/',
      additionalConverters: OUR_CONVERTERS,
    }) as Schema;
    const required = [...(schema.required ?? []), ...requiredByCondition(type)];
    if (required.length > 0) schema.required = [...new Set(required)];
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      // Said by `required` already; beside a reference generators stumble over it.
      if (property['$ref'] !== undefined) delete property['not'];
      // A set of enumerated values is a type that generators make wrong. The service refuses what is there twice.
      if (property['uniqueItems'] === true && (property['items'] as Schema | undefined)?.['enum'] !== undefined)
        delete property['uniqueItems'];
      if (name === 'cursor' && property['type'] === 'string') property['pattern'] ??= CURSOR;
      const nested = defaultMetadataStorage.findTypeMetadata(type, name)?.typeFunction?.() as
        (new () => object) | undefined;
      for (const part of [property, property['items'] as Schema | undefined])
        if (typeof part?.['pattern'] === 'string') part['pattern'] = portable(part['pattern']);
      if (nested && /^class /.test(Function.prototype.toString.call(nested))) this.reference(nested);
    }
    return schema;
  }
}

const known = new Map<new () => object, Schema>();

/** The schema of one contract class; made once. */
export function schemaOf(type: new () => object): Schema {
  const schema = known.get(type) ?? new SchemaRegistry().inline(type);
  known.set(type, schema);
  return schema;
}
