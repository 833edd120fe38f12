import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository as text: what the specs about documents read. */

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const GENERATED = ['**/node_modules/**', '**/dist/**', '**/.local/**', 'libs/contracts/*/schemas/**'];

/** Paths from the root, sorted; generated files are left out. */
export const filesAt = (...patterns: string[]): string[] =>
  globSync(patterns, { cwd: ROOT, exclude: GENERATED }).sort();

export const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
