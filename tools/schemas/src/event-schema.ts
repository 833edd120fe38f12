import 'reflect-metadata';
import { createRequire } from 'node:module';
import type { EventClass } from '@strowger/kernel';
import type { MetadataStorage } from 'class-transformer/types/MetadataStorage.js';
import { targetConstructorToSchema } from 'class-validator-jsonschema';

// class-transformer keeps its metadata storage out of its entry point; nested types are only to be found there.
const { defaultMetadataStorage } = createRequire(import.meta.url)('class-transformer/cjs/storage.js') as {
  defaultMetadataStorage: MetadataStorage;
};

/** A JSON Schema, draft 2020-12. */
export interface JsonSchema {
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  type?: string;
  enum?: unknown[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  oneOf?: JsonSchema[];
  [keyword: string]: unknown;
}

type Constructor = new () => object;

const text: JsonSchema = { type: 'string', minLength: 1 };
const uuid: JsonSchema = { type: 'string', format: 'uuid' };

/** The envelope every event travels in: CloudEvents 1.0 with our extensions (`CloudEvent` of kernel). */
const ENVELOPE = {
  specversion: { const: '1.0' },
  id: text,
  source: text,
  subject: text,
  sequence: { type: 'integer', minimum: 0 },
  time: { type: 'string', format: 'date-time' },
  datacontenttype: { const: 'application/json' },
  tenantid: uuid,
  correlationid: text,
  causationid: text,
  traceparent: text,
} satisfies Record<string, JsonSchema>;
const OPTIONAL = new Set(['tenantid', 'correlationid', 'causationid', 'traceparent']);

/**
 * The schema of one event as it travels, from the contract class's validation rules: what it promises is what consumers
 * check. Unknown fields are allowed everywhere, because a new optional field keeps the version.
 * @throws Error naming a field whose rules say nothing of its type
 */
export function eventSchema(event: EventClass): JsonSchema {
  const { specversion, id, source, ...rest } = ENVELOPE;
  const properties = {
    specversion,
    id,
    type: { const: event.type },
    source: { ...source, const: `/${event.type.split('.')[0]}` },
    ...rest,
    data: { $ref: refTo(event) },
  };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:strowger:event:${event.type}`,
    title: event.name,
    type: 'object',
    properties,
    required: Object.keys(properties).filter((name) => !OPTIONAL.has(name)),
    $defs: definitionsFrom(event),
  };
}

const refTo = (type: { name: string }): string => `#/$defs/${type.name}`;

/** The class and all it contains. */
function definitionsFrom(type: Constructor, found: Record<string, JsonSchema> = {}): Record<string, JsonSchema> {
  if (found[type.name]) return found;
  const schema = targetConstructorToSchema(type, {
    classTransformerMetadataStorage: defaultMetadataStorage,
    refPointerPrefix: '#/$defs/',
    additionalConverters: {
      // Named after the rule, as class-validator registers it.
      isE164: { type: 'string', pattern: '^\\+[1-9]\\d{6,14}$' },
      // The library's own "one of date or date-time" matches nothing where formats are only annotations.
      isIso8601: { type: 'string', format: 'date-time' },
    },
  }) as JsonSchema;
  const { properties = {}, required = [] } = schema;
  for (const [name, field] of Object.entries(properties))
    if (!['type', 'enum', '$ref', 'oneOf', 'anyOf'].some((keyword) => keyword in field))
      throw new Error(`${type.name}.${name}: no rule says what type it is`);
  found[type.name] = { ...schema, type: 'object', properties, required };
  for (const name of Object.keys(properties)) {
    const nested = defaultMetadataStorage.findTypeMetadata(type, name)?.typeFunction?.() as Constructor | undefined;
    if (nested && /^class\b/.test(Function.prototype.toString.call(nested))) definitionsFrom(nested, found);
  }
  return found;
}
