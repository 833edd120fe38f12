// First: the decorators of the contracts need it.
import 'reflect-metadata';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HIERARCHY_EVENTS } from '@strowger/contracts-hierarchy';
import { INGESTION_EVENTS } from '@strowger/contracts-ingestion';
import { PROVISIONING_EVENTS } from '@strowger/contracts-provisioning';
import { ROUTING_EVENTS } from '@strowger/contracts-routing';
import type { EventClass } from '@strowger/kernel';
import { breakingChanges } from './breaking-changes.js';
import { eventSchema, type JsonSchema } from './event-schema.js';

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));
const ADVICE = 'npm run schemas';

/** Every owner that publishes facts, with its event classes. */
export const EVENTS: Readonly<Record<string, readonly EventClass[]>> = {
  hierarchy: HIERARCHY_EVENTS,
  ingestion: INGESTION_EVENTS,
  provisioning: PROVISIONING_EVENTS,
  routing: ROUTING_EVENTS,
};

const folderOf = (owner: string): string => `libs/contracts/${owner}/schemas`;
const textOf = (schema: JsonSchema): string => `${JSON.stringify(schema, null, 2)}\n`;
const onDisk = (path: string): string | undefined =>
  existsSync(join(REPOSITORY, path)) ? readFileSync(join(REPOSITORY, path), 'utf8') : undefined;

/** Schemas as the classes are now, by path in the repository. */
export function generatedSchemas(): Map<string, JsonSchema> {
  const schemas = new Map<string, JsonSchema>();
  for (const [owner, events] of Object.entries(EVENTS))
    for (const event of events) {
      if (!event.type.startsWith(`${owner}.`)) throw new Error(`${event.name} of ${owner} has the type ${event.type}`);
      const path = `${folderOf(owner)}/${event.type}.json`;
      if (schemas.has(path)) throw new Error(`two classes have the type ${event.type}`);
      schemas.set(path, eventSchema(event));
    }
  return schemas;
}

/** Files no class stands behind. */
function staleFiles(schemas: ReadonlyMap<string, JsonSchema>): string[] {
  return Object.keys(EVENTS)
    .map(folderOf)
    .filter((folder) => existsSync(join(REPOSITORY, folder)))
    .flatMap((folder) => readdirSync(join(REPOSITORY, folder)).map((name) => `${folder}/${name}`))
    .filter((path) => !schemas.has(path));
}

/** How the files differ from the classes; empty when they are up to date. */
export function drift(schemas: ReadonlyMap<string, JsonSchema> = generatedSchemas()): string[] {
  const wrong = [...schemas]
    .map(([path, schema]) => ({ path, is: onDisk(path), wanted: textOf(schema) }))
    .filter(({ is, wanted }) => is !== wanted)
    .map(({ path, is }) => `${path}: ${is === undefined ? 'missing' : 'differs from its class'} (${ADVICE})`);
  return [...wrong, ...staleFiles(schemas).map((path) => `${path}: no event has this type (${ADVICE})`)];
}

/** Brings the files up to date; the paths of those written or removed. */
export function writeSchemas(schemas: ReadonlyMap<string, JsonSchema> = generatedSchemas()): string[] {
  const changed = [...schemas].filter(([path, schema]) => onDisk(path) !== textOf(schema));
  for (const [path, schema] of changed) {
    mkdirSync(dirname(join(REPOSITORY, path)), { recursive: true });
    writeFileSync(join(REPOSITORY, path), textOf(schema));
  }
  const stale = staleFiles(schemas);
  for (const path of stale) rmSync(join(REPOSITORY, path));
  return [...changed.map(([path]) => path), ...stale];
}

/**
 * Changes since a commit that readers of an event cannot take. A schema that is not in that commit is new and breaks
 * nothing; so is every schema where there is no git or no such commit.
 */
export function breakingSince(commit: string, schemas: ReadonlyMap<string, JsonSchema> = generatedSchemas()): string[] {
  return [...schemas].flatMap(([path, schema]) => {
    const before = committed(commit, path);
    if (!before) return [];
    const type = path.slice(path.lastIndexOf('/') + 1, -'.json'.length);
    return breakingChanges(before, schema).map((finding) => `${type}: ${finding}`);
  });
}

function committed(commit: string, path: string): JsonSchema | undefined {
  try {
    const text = execFileSync('git', ['show', `${commit}:${path}`], {
      cwd: REPOSITORY,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return JSON.parse(text) as JsonSchema;
  } catch (error) {
    if (error instanceof SyntaxError) throw error;
    return undefined;
  }
}
