import { globSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { filesAt, ROOT, textOf } from './repository.fixtures.js';

/** What the documents name is there: variables, commands, files and packages. */

const DOCUMENTS = filesAt('*.md', 'docs/*.md', 'docs/adr/*.md', 'docs/reference/README.md', 'tools/**/*.md');
const DOCKER = filesAt('docker/*');

/** Every match of the pattern's group, with its document. */
const found = (paths: string[], pattern: RegExp): [string, string][] =>
  paths.flatMap((path) =>
    [...textOf(path).matchAll(pattern)].map(([, ...groups]): [string, string] => [path, groups.find(Boolean)!]),
  );
const lines = (pairs: [string, string][]): string[] => [...new Set(pairs.map(([path, name]) => `${path}: ${name}`))];

const NAME = '[A-Z][A-Z0-9]*(?:_(?:[A-Z0-9]+|<[A-Z]+>))+';
const VARIABLE = new RegExp(`(?<![\\w-])(${NAME})(?!\\w)`, 'g');
/** Code names what it reads in a string, as a member of an environment, or by taking it out of one. */
const READ_BY_CODE = new RegExp(
  // The second form is the older name of a setting: `@EnvLists('CARRIER_<NAME>_BASE_URLS', { OLDER_NAME: …`.
  `(?:'|env\\.|[{,] )(?=${NAME}(?![\\w:]))(${NAME})|(?<=EnvLists\\('[^']+', \\{ )(${NAME})`,
  'g',
);
const READ_BY_SHELL = new RegExp(`\\$\\{?(${NAME})(?!\\w)`, 'g');
const CODE = filesAt(
  '{apps,libs}/**/{config,*.config,service-config,preload}.ts',
  'tools/*/src/{main,options}.ts',
  'tools/setup/*',
  'tools/verify/**/*.mjs',
);
/** Read by the programs of others: the images, Node, psql. */
const READ_BY_OTHERS = ['POSTGRES_DB', 'POSTGRES_PASSWORD', 'NODE_ENV', 'ON_ERROR_STOP', 'DOCKER_HOST'];

/** `CARRIER_<NAME>_BASE_URLS` reads one for each name. */
function reading(reads: [string, string][]): (name: string) => boolean {
  const patterns = [...new Set(reads.map(([, name]) => name))].map(
    (name) => new RegExp(`^${name.replaceAll(/<[A-Z]+>/g, '\\w+')}$`),
  );
  return (name) => patterns.some((pattern) => pattern.test(name.replaceAll(/[<>]/g, '')));
}

it('every environment variable is read by a service or by the set-up', () => {
  const isRead = reading([...found(CODE, READ_BY_CODE), ...found(DOCKER, READ_BY_SHELL)]);
  const documents = DOCUMENTS.filter((path) => !/^tools\/(?!verify)/.test(path));
  const named = found([...documents, ...DOCKER], VARIABLE);
  expect(named.length).toBeGreaterThan(50);
  expect(lines(named.filter(([, name]) => !isRead(name) && !READ_BY_OTHERS.includes(name)))).toEqual([]);
});

it('a setting is read by each service the README gives it to', () => {
  const given = [...textOf('README.md').matchAll(/^ +([A-Z][A-Z_]+)=\S+ {2,}(.+)$/gm)].flatMap(([, name, services]) =>
    services!.split(', ').map((service): [string, string] => [service, name!]),
  );
  expect(given.length).toBeGreaterThan(2);
  const unread = given.filter(([service, name]) => {
    const configs = filesAt(`apps/${service}/src/**/{config,*.config}.ts`, 'libs/config/src/service-config.ts');
    return !reading(found(configs, READ_BY_CODE))(name);
  });
  expect(lines(unread)).toEqual([]);
});

it('every npm command is one', () => {
  const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
  const named = found(DOCUMENTS, /(?:`|^)npm (?:run )?([a-z][a-z:]*)/gm);
  const unknown = named.filter(([, name]) => !(name in scripts) && !['ci', 'install', 'workspaces'].includes(name));
  expect(named.length).toBeGreaterThan(10);
  expect(lines(unknown)).toEqual([]);
});

/** Built files stand for their sources, `<service>` for any. */
const there = (path: string): boolean => {
  const source = path.replace(/\/dist\/(.+)\.js$/, '/src/$1.ts');
  return globSync(source.replaceAll(/<\w+>/g, '*'), { cwd: ROOT }).length > 0;
};

it('every path is there', () => {
  const named = found(DOCUMENTS, /(?<![\w/.@-])((?:apps|libs|tools|docs|docker)\/[\w<>.*{},/-]*[\w>*}/])/g);
  expect(named.length).toBeGreaterThan(90);
  expect(lines(named.filter(([, path]) => !there(path)))).toEqual([]);
});

it('every link leads to a file', () => {
  const links = found(DOCUMENTS, /\]\((?!https?:|#|mailto:)([^)#]+)/g);
  expect(links.length).toBeGreaterThan(10);
  expect(lines(links.filter(([path, target]) => !existsSync(join(ROOT, path, '..', target))))).toEqual([]);
});

it('every package is ours or a dependency', () => {
  const root = JSON.parse(textOf('package.json')) as Record<string, Record<string, string>>;
  const ours = filesAt('{apps,tools,libs,libs/contracts}/*/package.json').map(
    (path) => (JSON.parse(textOf(path)) as { name: string }).name,
  );
  // `@strowger/source` is the condition of package.json's `exports` that names the sources.
  const known = new Set([
    '@strowger/source',
    ...ours,
    ...Object.keys({ ...root['dependencies'], ...root['devDependencies'] }),
  ]);
  const named = found(DOCUMENTS, /`(@[a-z-]+\/[a-z-]+)/g);
  expect(lines(named.filter(([, name]) => !known.has(name)))).toEqual([]);
});
