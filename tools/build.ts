/**
 * Compiles every workspace's src to its dist with swc, file by file, only what changed. No type checking: that is
 * `npm run check`. Specs stay out; files that are not TypeScript are copied.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformFile } from '@swc/core';
import { SetupError } from './setup/steps.mjs';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const AT_ONCE = 16;

function subfolders(path: string): string[] {
  if (!existsSync(path)) return [];
  const entries = readdirSync(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(path, entry.name));
}

function* filesBelow(folder: string): Generator<string> {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

const modified = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const isSource = (path: string): boolean => !/\.(spec|fixtures|d)\.m?ts$/.test(path);

interface Work {
  from: string;
  to: string;
  isTypeScript: boolean;
}

/** @throws Error naming each file that doesn't compile */
export async function build(root = REPOSITORY): Promise<{ compiled: number; total: number }> {
  const configFile = join(root, '.swcrc');
  const { $schema: _schema, ...config } = JSON.parse(readFileSync(configFile, 'utf8'));
  // A new compiler, other settings or another build make everything old.
  const newestTool = Math.max(
    ...[configFile, fileURLToPath(import.meta.url), join(root, 'node_modules/@swc/core/package.json')].map(modified),
  );
  const work: Work[] = [];
  let total = 0;
  for (const workspace of ['apps', 'libs', 'libs/contracts', 'tools'].flatMap((name) => subfolders(join(root, name)))) {
    const [src, dist] = [join(workspace, 'src'), join(workspace, 'dist')];
    const wanted = new Set<string>();
    for (const from of filesBelow(src)) {
      if (!isSource(from)) continue;
      total += 1;
      const isTypeScript = from.endsWith('.ts');
      const to = join(dist, relative(src, from)).replace(/\.ts$/, '.js');
      wanted.add(to);
      if (isTypeScript) wanted.add(`${to}.map`);
      if (modified(to) <= Math.max(modified(from), newestTool)) work.push({ from, to, isTypeScript });
    }
    if (!existsSync(src)) continue;
    for (const path of filesBelow(dist)) if (!wanted.has(path)) rmSync(path);
  }
  const errors: string[] = [];
  const compile = async ({ from, to, isTypeScript }: Work): Promise<void> => {
    mkdirSync(dirname(to), { recursive: true });
    if (!isTypeScript) return copyFileSync(from, to);
    const options = { ...config, swcrc: false, sourceMaps: true, sourceFileName: relative(dirname(to), from) };
    const { code, map } = await transformFile(from, options);
    const name = to.slice(dirname(to).length + 1);
    if (map) writeFileSync(`${to}.map`, map);
    writeFileSync(to, map ? `${code}//# sourceMappingURL=${name}.map\n` : code);
  };
  const queue = [...work];
  const worker = async (): Promise<void> => {
    for (let item = queue.pop(); item; item = queue.pop()) {
      await compile(item).catch((error: unknown) =>
        errors.push(`${relative(root, item.from)}: ${error instanceof Error ? error.message : String(error)}`),
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (errors.length > 0) throw new Error(`${errors.length} file(s) did not compile\n${errors.join('\n')}`);
  return { compiled: work.length, total };
}

/** The build as a step of a command. @returns a word about it */
export async function buildStep(): Promise<string> {
  try {
    const { compiled, total } = await build();
    return compiled === 0 ? 'up to date' : `${compiled} of ${total} files`;
  } catch (error) {
    throw new SetupError(
      `build: ${error instanceof Error ? error.message : String(error)}`,
      'Correct the files named above.',
    );
  }
}

if (import.meta.main) {
  const { compiled, total } = await build();
  console.log(`${compiled} of ${total} files compiled`);
}
