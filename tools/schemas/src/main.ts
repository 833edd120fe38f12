/**
 * Writes the JSON Schema of every event; with `--check` it only looks. Either way it fails on a change that readers
 * cannot take, compared with the last commit or with `--against <commit>`.
 */
import { parseArgs } from 'node:util';
import { breakingSince, drift, generatedSchemas, writeSchemas } from './schema-files.js';

const { values } = parseArgs({
  options: { check: { type: 'boolean', default: false }, against: { type: 'string', default: 'HEAD' } },
});
const schemas = generatedSchemas();
const differing = values.check ? drift(schemas) : [];
const breaking = breakingSince(values.against, schemas);

if (!values.check) for (const path of writeSchemas(schemas)) console.log(`written  ${path}`);
for (const finding of differing) console.error(`drift    ${finding}`);
for (const finding of breaking) console.error(`breaking ${finding}`);
if (breaking.length > 0)
  console.error('\nWhat to do: undo it, or publish a class of the next version beside this one until nobody reads it.');
console.log(`${schemas.size} event schemas, ${differing.length} out of date, ${breaking.length} breaking changes`);
if (differing.length + breaking.length > 0) process.exitCode = 1;
