import { isDeepStrictEqual } from 'node:util';
import type { JsonSchema } from './event-schema.js';

/** Compared by their meaning, or saying nothing about what is valid. */
const APART = new Set([
  ...['type', 'properties', 'required', 'items', 'oneOf', 'enum', '$ref', '$defs'],
  ...['$schema', '$id', 'title', 'description', 'examples', 'default', '$comment', 'deprecated'],
]);

/**
 * What makes the new schema of an event unfit to keep its version; empty when every reader of the old one can go on.
 * Allowed: a new optional field anywhere; more values in an enum or alternatives at the end of a `oneOf` (readers are
 * updated first); other words and examples.
 * Each finding is a sentence that begins with the field's path, such as `data.owner.kind`.
 */
export function breakingChanges(before: JsonSchema, after: JsonSchema): string[] {
  const findings: string[] = [];
  const seen = new Set<string>();

  const compare = (path: string, oldSchema: JsonSchema, newSchema: JsonSchema): void => {
    // Classes may contain themselves, so two definitions are compared only where they first meet.
    const pair = oldSchema.$ref && `${oldSchema.$ref} ${newSchema.$ref ?? path}`;
    if (pair && seen.has(pair)) return;
    if (pair) seen.add(pair);
    const [was, is] = [resolved(before, oldSchema), resolved(after, newSchema)];
    const at = path || 'the event';

    // Nothing below can be compared then.
    if (was.type !== is.type) return void findings.push(`${at}: type was ${shown(was.type)}, now ${shown(is.type)}`);
    for (const keyword of new Set([...Object.keys(was), ...Object.keys(is)]))
      if (!APART.has(keyword) && !isDeepStrictEqual(was[keyword], is[keyword]))
        findings.push(`${at}: ${keyword} was ${shown(was[keyword])}, now ${shown(is[keyword])}`);

    if (was.enum || is.enum) compareEnums(at, was.enum, is.enum);

    const [oldFields, newFields] = [was.properties ?? {}, is.properties ?? {}];
    const [oldRequired, newRequired] = [new Set(was.required), new Set(is.required)];
    for (const [name, field] of Object.entries(oldFields)) {
      const here = path ? `${path}.${name}` : name;
      const now = newFields[name];
      if (!now) {
        findings.push(`${here}: removed or renamed`);
        continue;
      }
      if (newRequired.has(name) && !oldRequired.has(name)) findings.push(`${here}: was optional, now required`);
      if (oldRequired.has(name) && !newRequired.has(name)) findings.push(`${here}: was required, now optional`);
      compare(here, field, now);
    }
    for (const name of newRequired)
      if (!oldFields[name]) findings.push(`${path ? `${path}.` : ''}${name}: new and required`);

    if (was.oneOf || is.oneOf) {
      const [before, now] = [was.oneOf ?? [], is.oneOf ?? []];
      if (now.length < before.length || before.length === 0)
        findings.push(`${at}: ${before.length} alternatives before, ${now.length} now`);
      before.forEach((one, i) => now[i] && compare(`${path}(${i + 1})`, one, now[i]));
    }
    if (was.items || is.items) compare(`${path}[]`, was.items ?? {}, is.items ?? {});
  };

  const compareEnums = (at: string, was: unknown[] | undefined, is: unknown[] | undefined): void => {
    if (!is) return;
    if (!was) return void findings.push(`${at}: any value was allowed, now only ${is.map(shown).join(', ')}`);
    const gone = was.filter((value) => !is.includes(value));
    if (gone.length > 0) findings.push(`${at}: ${gone.map(shown).join(', ')} no longer allowed`);
  };

  compare('', before, after);
  return findings;
}

function resolved(root: JsonSchema, schema: JsonSchema): JsonSchema {
  if (!schema.$ref) return schema;
  const target = root.$defs?.[schema.$ref.replace('#/$defs/', '')];
  if (!target) throw new Error(`${schema.$ref} is not defined in ${String(root.$id)}`);
  return target;
}

const shown = (value: unknown): string => (value === undefined ? 'unset' : JSON.stringify(value));
