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
import { fileURLToPath, pathToFileURL } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const AT_ONCE = 16;

function subfolders(path) {
  if (!existsSync(path)) return [];
  const entries = readdirSync(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(path, entry.name));
}

function* filesBelow(folder) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const isSource = (path) => !/\.(spec|fixtures|d)\.m?ts$/.test(path);

/** @returns {Promise<{ compiled: number, total: number }>} @throws Error naming each file that doesn't compile */
export async function build(root = REPOSITORY) {
  const { transformFile } = await import('@swc/core');
  const configFile = join(root, '.swcrc');
  const { $schema: _schema, ...config } = JSON.parse(readFileSync(configFile, 'utf8'));
  // A new compiler, other settings or another build make everything old.
  const newestTool = Math.max(
    ...[configFile, fileURLToPath(import.meta.url), join(root, 'node_modules/@swc/core/package.json')].map(modified),
  );
  const work = [];
  let total = 0;
  for (const workspace of ['apps', 'libs', 'libs/contracts', 'tools'].flatMap((name) => subfolders(join(root, name)))) {
    const [src, dist] = [join(workspace, 'src'), join(workspace, 'dist')];
    const wanted = new Set();
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
  const errors = [];
  const compile = async ({ from, to, isTypeScript }) => {
    mkdirSync(dirname(to), { recursive: true });
    if (!isTypeScript) return copyFileSync(from, to);
    const options = { ...config, swcrc: false, sourceMaps: true, sourceFileName: relative(dirname(to), from) };
    const { code, map } = await transformFile(from, options);
    const name = to.slice(dirname(to).length + 1);
    if (map) writeFileSync(`${to}.map`, map);
    writeFileSync(to, map ? `${code}//# sourceMappingURL=${name}.map\n` : code);
  };
  const queue = [...work];
  const worker = async () => {
    for (let item = queue.pop(); item; item = queue.pop()) {
      await compile(item).catch((error) => errors.push(`${relative(root, item.from)}: ${error.message ?? error}`));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (errors.length > 0) throw new Error(`${errors.length} file(s) did not compile\n${errors.join('\n')}`);
  return { compiled: work.length, total };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { compiled, total } = await build();
  console.log(`${compiled} of ${total} files compiled`);
}
