import 'reflect-metadata';
import { createRequire } from 'node:module';
import { targetConstructorToSchema } from 'class-validator-jsonschema';
import type { MetadataStorage } from 'class-transformer/types/MetadataStorage.js';

// class-transformer keeps its metadata storage out of its entry point; nested types are only to be found there.
const { defaultMetadataStorage } = createRequire(import.meta.url)('class-transformer/cjs/storage.js') as {
  defaultMetadataStorage: MetadataStorage;
};

export type Schema = Record<string, unknown> & { properties?: Record<string, Schema>; required?: string[] };

/** Control characters by their codes: tools that read the document with another regular expression engine know no `\p{Cc}`. */
const portable = (pattern: string): string => pattern.replaceAll('\\p{Cc}', '\\u0000-\\u001f\\u007f-\\u009f');

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

  inline(type: new () => object): Schema {
    const schema = targetConstructorToSchema(type, {
      classTransformerMetadataStorage: defaultMetadataStorage,
      refPointerPrefix: '#/components/schemas/',
      // Not among its own; without it the field's reflected type is taken, which for a union is Object.
      additionalConverters: { isTimeZone: { type: 'string' } },
    }) as Schema;
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
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
