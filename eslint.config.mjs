/**
 * Lint: correctness rules of typescript-eslint with types, and the boundaries between packages. What a package may
 * import follows from the `type` under `strowger` in its package.json, so a new package needs no change here.
 */
import { globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import importX from 'eslint-plugin-import-x';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const ROOT = fileURLToPath(new URL('.', import.meta.url));

/** The types a package of a type may import, and the outside packages it must not. */
const MAY_IMPORT = {
  app: ['contract', 'platform', 'adapter', 'kernel', 'testing'],
  contract: ['kernel'],
  platform: ['platform', 'kernel', 'testing'],
  adapter: ['adapter', 'contract', 'kernel', 'testing'],
  testing: ['kernel'],
  // Programs about the whole: demo, seed, benchmarks, generators, and what they share.
  tool: ['app', 'contract', 'platform', 'adapter', 'kernel', 'testing', 'tool'],
  kernel: ['kernel'],
};
const BANNED_OUTSIDE = {
  contract: ['@nestjs/', '@mikro-orm/', '@nats-io/'],
  adapter: ['@mikro-orm/'],
};

/**
 * The modules inside an app and which of them each may use; the order is from the lowest up. What lies outside of them
 * either composes them and is listed below, or serves them all and imports none.
 */
const FEATURES = {
  'apps/hierarchy/src': {
    // Under all: the one history, and the tree as it may be looked at (nodes by id, what a scope sees, settings).
    history: [],
    nodes: ['history'],
    licensing: ['history', 'nodes'],
    accounts: ['history', 'nodes'],
    tree: ['history', 'nodes', 'licensing', 'accounts'],
    lifecycle: ['history', 'nodes', 'licensing', 'accounts', 'tree'],
    'back-office': ['history', 'nodes', 'licensing', 'accounts', 'tree'],
  },
};
const COMPOSES_FEATURES = ['app.module', 'entities', 'recompute-licenses'];

/** Code that never runs in a service: it may use packages of type testing and tool, and the apps. */
const TEST_CODE = [
  '**/*.spec.ts',
  '**/*.fixtures.ts',
  '**/*.fixtures.mjs',
  '**/src/testing.ts',
  '**/src/testing/**',
  'libs/testing/**',
  'apps/e2e/**',
  'tools/**',
];
/** What starts processes hands them their environment; libs/config reads ours. */
const READS_ENVIRONMENT = [
  'libs/config/src/**',
  'libs/testing/**',
  'tools/*/src/main.ts',
  'tools/setup/**',
  'tools/verify/**',
  'tools/run.mjs',
];

/** @returns {{ name: string, folder: string, type: string }[]} every package of the workspace */
function packages() {
  const { workspaces } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return workspaces
    .flatMap((pattern) => globSync(`${pattern}/package.json`, { cwd: ROOT }))
    .sort()
    .map((path) => {
      const { name, strowger: { type } = {} } = JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
      if (!Object.hasOwn(MAY_IMPORT, type ?? ''))
        throw new Error(`${path} needs "strowger": { "type": … }, one of ${Object.keys(MAY_IMPORT).join(', ')}`);
      return { name, folder: dirname(path).split(sep).join('/'), type };
    });
}

const within = (path, folder) => path === folder || path.startsWith(`${folder}/`);
const projectPath = (path) => relative(ROOT, path).split(sep).join('/');

/** Calls `visit(node, specifier)` for every import and re-export, those of types too. */
function eachImport(visit) {
  const declaration = (node) => node.source && visit(node.source, node.source.value);
  return {
    ImportDeclaration: declaration,
    ExportNamedDeclaration: declaration,
    ExportAllDeclaration: declaration,
    ImportExpression: (node) => node.source.type === 'Literal' && visit(node.source, node.source.value),
  };
}

/** Imports only where the types allow it. Options: the packages, and whether the file is test code. */
const boundaries = {
  meta: { type: 'problem', schema: [{ type: 'array' }, { type: 'object' }] },
  create(context) {
    const [all, { testCode }] = context.options;
    const file = projectPath(context.filename);
    const own = all.find(({ folder }) => within(file, folder));
    const refuse = (node, message) => context.report({ node, message });

    return eachImport((node, specifier) => {
      if (typeof specifier !== 'string') return;
      if (specifier.startsWith('.')) {
        const target = projectPath(join(dirname(context.filename), specifier));
        const owner = all.find(({ folder }) => within(target, folder));
        if (owner && owner !== own) refuse(node, `Import ${owner.name} by its name, not by a path into its folder.`);
        if (!owner && own && !testCode) refuse(node, `${target} is outside of ${own.name}.`);
        return;
      }
      const target = all.find(({ name }) => specifier === name || specifier.startsWith(`${name}/`));
      if (!target) {
        if (BANNED_OUTSIDE[own?.type]?.some((prefix) => specifier.startsWith(prefix)))
          refuse(node, `A package of type ${own.type} must not use ${specifier}.`);
        return;
      }
      if (target === own) return refuse(node, `Inside ${own.name}, import by a relative path.`);
      if (target.type === 'app') {
        if (!testCode) refuse(node, `Nothing imports an app, so not ${target.name}.`);
        return;
      }
      const forTests = ['testing', 'tool'].includes(target.type) || specifier === `${target.name}/testing`;
      if (forTests && !testCode) refuse(node, `${specifier} is for specs, fixtures and tools only.`);
      if (!own || MAY_IMPORT[own.type].includes(target.type) || (testCode && forTests)) return;
      refuse(node, `A package of type ${own.type} must not import ${target.name}, which is of type ${target.type}.`);
    });
  },
};

/** Between the features of an app, imports only as FEATURES says, those of types too, and never of another's entity. */
const features = {
  meta: { type: 'problem', schema: [{ type: 'object' }] },
  create(context) {
    const [{ testCode }] = context.options;
    const file = projectPath(context.filename);
    const [folder, uses] = Object.entries(FEATURES).find(([app]) => within(file, app)) ?? [];
    if (!folder) return {};
    const featureOf = (path) => Object.keys(uses).find((name) => within(path, `${folder}/${name}`));
    const composes = (path) => COMPOSES_FEATURES.some((name) => path.replace(/\.[jt]s$/, '') === `${folder}/${name}`);
    const own = featureOf(file);

    const visit = (node, specifier) => {
      if (typeof specifier !== 'string' || !specifier.startsWith('.')) return;
      const target = projectPath(join(dirname(context.filename), specifier));
      const other = featureOf(target);
      const refuse = (message) => context.report({ node, message });
      if (own === other) return;
      if (!own || !other) {
        if (testCode || (own ? !composes(target) : composes(file))) return;
        refuse(own ? `${own} must not import what composes it.` : `${file} serves every feature, so it imports none.`);
      } else if (!uses[own].includes(other)) refuse(`${own} may use ${uses[own].join(', ') || 'none'}, not ${other}.`);
      else if (/\.entity\.[jt]s$/.test(target)) refuse(`${target} is an entity of ${other}: use a service of it.`);
    };
    return { ...eachImport(visit), TSImportType: ({ source }) => visit(source, source.value) };
  },
};

/** An import or re-export. `import type` is erased from the build, `import { type X }` still loads the module. */
const IMPORT = /^(?:import|export)\s+(type(?=[\s{]))?(?:[^;'"`]*?\sfrom\s+)?['"]([^'"]+)['"]/gm;

/** Which of our files imports which: each is read once a run, with no resolver, so the whole repository takes a second. */
class ImportGraph {
  #edges = new Map();
  #neighbors;
  #packages;

  constructor(all) {
    this.#packages = all;
  }

  /** The files that are loaded with a file. */
  loadedBy(file) {
    return this.imports(file)
      .filter(({ erased }) => !erased)
      .map(({ to }) => to);
  }

  /** What one of several files and folders side by side imports of the others, types too. Tests don't count. */
  importedBesides(neighbor) {
    this.#neighbors ??= this.#findNeighbors();
    return this.#neighbors.get(neighbor) ?? [];
  }

  #findNeighbors() {
    const found = new Map();
    const sources = this.#packages.map(({ folder }) => `${folder}/src/**/*.ts`);
    for (const path of globSync(sources, { cwd: ROOT, exclude: TEST_CODE })) {
      const file = join(ROOT, path);
      for (const { to } of this.imports(file)) {
        const [one, other] = neighborsOf(file, to);
        found.set(one, (found.get(one) ?? new Set()).add(other));
      }
    }
    return found;
  }

  /** @param {string} [given] the file's text where it is at hand; @returns {{ specifier: string, to: string, erased: boolean }[]} */
  imports(file, given) {
    let edges = this.#edges.get(file);
    if (!edges || given !== undefined) {
      const text = given ?? readFileSync(file, 'utf8');
      edges = [...text.matchAll(IMPORT)]
        .map(([, type, specifier]) => ({ specifier, to: this.#resolve(file, specifier), erased: type !== undefined }))
        .filter(({ to }) => to !== undefined);
      this.#edges.set(file, edges);
    }
    return edges;
  }

  #resolve(file, specifier) {
    const target = specifier.startsWith('.') ? join(dirname(file), specifier) : this.#entry(specifier);
    const path = target?.replace(/\.js$/, '.ts');
    return path?.endsWith('.ts') && statSync(path, { throwIfNoEntry: false })?.isFile() ? path : undefined;
  }

  #entry(specifier) {
    const owner = this.#packages.find(({ name }) => specifier === name || specifier.startsWith(`${name}/`));
    if (!owner) return undefined;
    return join(ROOT, owner.folder, 'src', `${specifier.slice(owner.name.length + 1) || 'index'}.ts`);
  }
}

/** Where the paths of two files part: the file or folder on either side, in the folder that holds both. */
function neighborsOf(one, other) {
  const paths = [one, other].map((path) => projectPath(path).split('/'));
  const parting = paths[0].findIndex((part, at) => part !== paths[1][at]);
  return paths.map((path) => path.slice(0, parting + 1).join('/'));
}

function wayTo(last, start, cameFrom) {
  const way = [];
  for (let at = last; at !== start; at = cameFrom.get(at)) way.unshift(at);
  return way;
}

/** The shortest way from `start` back to itself through `first`, or undefined; `after` says where each leads. */
function circle(start, first, after) {
  const cameFrom = new Map([[first, start]]);
  for (const at of cameFrom.keys()) {
    for (const next of after(at)) {
      if (next === start) return [start, ...wayTo(at, start, cameFrom), start];
      if (!cameFrom.has(next)) cameFrom.set(next, at);
    }
  }
  return undefined;
}

let graph;
/** Our files that the linted one imports, by how it names them. */
function importedBy({ filename, options: [all], sourceCode }) {
  graph ??= new ImportGraph(all);
  return new Map(graph.imports(filename, sourceCode.text).map(({ specifier, to }) => [specifier, to]));
}

/** Files that load each other in a circle: in ESM one of them sees the other's classes too early. */
const noCycles = {
  meta: { type: 'problem', schema: [{ type: 'array' }] },
  create(context) {
    const imported = importedBy(context);
    return eachImport((node, specifier) => {
      const first = imported.get(specifier);
      if (!first || node.parent.importKind === 'type' || node.parent.exportKind === 'type') return;
      const path =
        first === context.filename ? [first, first] : circle(context.filename, first, (at) => graph.loadedBy(at));
      if (path) context.report({ node, message: `Import cycle: ${path.map(projectPath).join(' → ')}` });
    });
  },
};

/**
 * Folders that need each other, even if only for a type, are one thing in two places: neither can be read alone. What
 * both need belongs in a third. The same holds for a folder and a file beside it, and for packages.
 */
const noFolderCycles = {
  meta: { type: 'problem', schema: [{ type: 'array' }] },
  create(context) {
    const imported = importedBy(context);
    return eachImport((node, specifier) => {
      const to = imported.get(specifier);
      if (!to || to === context.filename) return;
      const [from, first] = neighborsOf(context.filename, to);
      if (from.endsWith('.ts') && first.endsWith('.ts')) return;
      const path = circle(from, first, (at) => graph.importedBesides(at));
      if (path) context.report({ node, message: `Circle of folders: ${path.join(' → ')}` });
    });
  },
};

/** What comes from outside is unknown until it is checked: a cast makes the first wrong byte an error far away. */
const uncheckedJson = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const refuse = (node) =>
      context.report({
        node,
        message: 'Parsed JSON is `unknown` until it is checked: use `validated`, or look at it.',
      });
    const parse = 'CallExpression[callee.object.name="JSON"][callee.property.name="parse"]';
    return {
      [`TSAsExpression[typeAnnotation.type!="TSUnknownKeyword"] > ${parse}`]: refuse,
      [`VariableDeclarator:not([id.typeAnnotation.typeAnnotation.type="TSUnknownKeyword"]) > ${parse}.init`]: refuse,
      'CallExpression[callee.property.name="json"][typeArguments]': refuse,
    };
  },
};

/** What a callback of NATS throws takes the connection with it, and what a timer's throws the process. */
const guardedListeners = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const refuse = (node) =>
      context.report({ node, message: 'Hand `guarded(name, …)` over: a throw in here ends more.' });
    const unguarded = ':not([callee.name="guarded"])';
    return {
      [`CallExpression[callee.property.name=/^(subscribe|consume)$/] Property[key.name="callback"] > *.value${unguarded}`]:
        refuse,
      [`CallExpression[callee.name="setInterval"] > *.arguments:first-child${unguarded}`]: refuse,
    };
  },
};

/** Words that CONTRIBUTING replaces, each with what stands for it. The list holds only words that are never right. */
const WORDS = [
  [/^(?:tell|tells|telling|told)$/i, 'notify, report, say or is given'],
  [/^anew$/i, 'again'],
  [/^whoever$/i, 'anyone who'],
  [/^learnt$/i, 'learned'],
  [/^licences?$/i, 'license'],
  [/^(?:behaviour|colour|favour|honour|neighbour)/i, 'the American spelling, -or'],
  [
    /^(?:analys|authoris|initialis|normalis|organis|recognis|serialis)(?:e|ed|es|er|ing|ation)$/i,
    'the spelling with z',
  ],
  [/^cancell(?:ed|ing)$/i, 'canceled, canceling'],
];
const WORD = /[A-Z]?[a-z]+|[A-Z]+(?![a-z])/g;
/** Names that others use over the wire keep their spelling. */
const WIRE_NAMES = new Set(['normaliseAndTruncate']);

/** Plain words in comments, names and titles of tests. What a comment quotes as `code` is not looked at. */
const words = {
  meta: { type: 'suggestion', schema: [] },
  create(context) {
    const { sourceCode } = context;
    const check = (node, text) => {
      for (const [word] of text.matchAll(WORD)) {
        const instead = WORDS.find(([pattern]) => pattern.test(word))?.[1];
        if (instead)
          context.report({ node, loc: node.loc, message: `Not '${word}': ${instead} (CONTRIBUTING, "Words").` });
      }
    };
    return {
      Program() {
        for (const comment of sourceCode.getAllComments()) {
          const text = comment.value.replaceAll(/`[^`]*`/g, '');
          check(comment, text);
          if (/\bbec(?:ame|omes?) of\b/.test(text))
            context.report({ loc: comment.loc, message: `Not 'became of': what happened to (CONTRIBUTING, "Words").` });
        }
        for (const token of sourceCode.ast.tokens)
          if (token.type.endsWith('Identifier') && !WIRE_NAMES.has(token.value)) check(token, token.value);
      },
      'CallExpression[callee.name=/^(?:it|describe)$/] > Literal.arguments:first-child': (node) =>
        check(node, node.raw),
      'CallExpression[callee.callee.object.name=/^(?:it|describe)$/] > Literal.arguments:first-child': (node) =>
        check(node, node.raw),
    };
  },
};

const ENVIRONMENT = [
  {
    selector: "MemberExpression[object.name='process'][property.name='env']",
    message: 'Configuration comes from @strowger/config, which is the only one to read the environment.',
  },
  {
    selector: 'ImportDeclaration[source.value=/^(node:)?process$/]',
    message: 'Use the global `process`; the environment is read by @strowger/config alone.',
  },
];

/** Node runs these as they are: it removes types and compiles nothing. */
const RUN_AS_THEY_ARE = [
  'tools/build.ts',
  'tools/setup/**/*.ts',
  'libs/testing/src/{from-source,whole-systems-first}.ts',
];
const NOT_ERASABLE = [
  'TSEnumDeclaration',
  'TSParameterProperty',
  'TSModuleDeclaration[body]',
  'TSImportEqualsDeclaration',
].map((selector) => ({
  selector,
  message: 'Node removes the types of this file and compiles nothing: only types may go.',
}));

const PACKAGES = packages();
const CORRECT = {
  eqeqeq: ['error', 'always', { null: 'ignore' }],
  'no-constant-condition': ['error', { checkLoops: 'allExceptWhileTrue' }],
  'no-debugger': 'error',
  'no-dupe-keys': 'error',
  'no-duplicate-case': 'error',
  'no-fallthrough': 'error',
  'no-self-assign': 'error',
  'no-self-compare': 'error',
  'no-unreachable': 'error',
  'no-unsafe-finally': 'error',
  'no-var': 'error',
  'prefer-const': ['error', { destructuring: 'all' }],
  'import-x/no-duplicates': 'error',
};
const UNUSED = {
  args: 'after-used',
  argsIgnorePattern: '^_',
  varsIgnorePattern: '^_',
  destructuredArrayIgnorePattern: '^_',
  caughtErrors: 'all',
  caughtErrorsIgnorePattern: '^_',
  ignoreRestSiblings: true,
};

export default defineConfig(
  { ignores: ['**/dist/**', '**/.local/**', '**/coverage/**'] },
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: {
      'import-x': importX,
      strowger: {
        meta: { name: 'strowger', version: '1' },
        rules: {
          boundaries,
          features,
          'no-cycles': noCycles,
          'no-folder-cycles': noFolderCycles,
          'unchecked-json': uncheckedJson,
          'guarded-listeners': guardedListeners,
          words,
        },
      },
    },
  },
  { rules: { 'strowger/words': 'error' } },
  { files: ['**/*.mjs'], rules: { ...CORRECT, 'no-unused-vars': ['error', UNUSED] } },
  {
    files: ['**/*.ts'],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { projectService: true, tsconfigRootDir: ROOT },
    },
    plugins: { '@typescript-eslint': tseslint.plugin },
    rules: {
      ...CORRECT,
      'strowger/no-cycles': ['error', PACKAGES],
      'import-x/no-default-export': 'error',
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-unused-vars': ['error', UNUSED],
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
    },
  },
  { files: ['**/*.ts'], ignores: TEST_CODE, rules: { 'strowger/no-folder-cycles': ['error', PACKAGES] } },
  {
    files: ['apps/**/*.ts', 'libs/**/*.ts'],
    // The kernel has no log; what it leaves running are its callers' promises.
    ignores: [...TEST_CODE, 'libs/kernel/**'],
    rules: {
      'strowger/unchecked-json': 'error',
      'strowger/guarded-listeners': 'error',
      // `void` lets a failure end the process: `inBackground` of @strowger/telemetry does not.
      '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: false }],
    },
  },
  // Jest asks for default exports there.
  {
    files: ['libs/testing/src/jest-global-*.ts', 'libs/testing/src/whole-systems-first.ts'],
    rules: { 'import-x/no-default-export': 'off' },
  },
  { files: RUN_AS_THEY_ARE, rules: { 'no-restricted-syntax': ['error', ...NOT_ERASABLE] } },
  {
    rules: {
      'strowger/boundaries': ['error', PACKAGES, { testCode: false }],
      'strowger/features': ['error', { testCode: false }],
    },
  },
  {
    files: TEST_CODE,
    rules: {
      'strowger/boundaries': ['error', PACKAGES, { testCode: true }],
      'strowger/features': ['error', { testCode: true }],
    },
  },
  { ignores: [...READS_ENVIRONMENT, '**/*.spec.ts'], rules: { 'no-restricted-syntax': ['error', ...ENVIRONMENT] } },
);
