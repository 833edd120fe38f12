/** What a change did, field by field, for the history. Holds no secrets. */
export type Changes = Record<string, { from: unknown; to: unknown }>;

/**
 * Sets the given fields that differ and returns what changed. A field that is not given keeps its value; null clears a
 * clearable one and is ignored for the others.
 */
export function applyChanges<T extends object>(
  target: T,
  given: Partial<Record<keyof T & string, unknown>>,
  fields: readonly (keyof T & string)[],
  clearable: readonly (keyof T & string)[] = [],
): Changes {
  const changes: Changes = {};
  for (const field of [...fields, ...clearable]) {
    const to = given[field];
    if (to === undefined || (to === null && !clearable.includes(field))) continue;
    const from = target[field] ?? null;
    if (from === to) continue;
    changes[field] = { from, to };
    Reflect.set(target, field, to);
  }
  return changes;
}

export const isEmpty = (changes: Changes): boolean => Object.keys(changes).length === 0;
