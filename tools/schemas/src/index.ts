export { breakingChanges } from './breaking-changes.js';
export { eventSchema, type JsonSchema } from './event-schema.js';
export { breakingSince, drift, generatedSchemas, writeSchemas } from './schema-files.js';
