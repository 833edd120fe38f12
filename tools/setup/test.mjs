/** `npm test` and `npm run check`. The last line of a test run is `N passed, N failed`. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureServers } from './install-servers.mjs';
import { buildNote, inForeground, LOCAL, REPOSITORY, runLogged } from './steps.mjs';

const NEEDS_SERVERS = '\\.(int|e2e)\\.spec\\.ts$';
/** After any paths: the option takes what follows as its values. */
const UNIT_ONLY = ['/node_modules/', NEEDS_SERVERS].map((pattern) => `--testPathIgnorePatterns=${pattern}`);
const RESULTS = join(LOCAL, 'test-results.json');
const bin = (path) => join(REPOSITORY, 'node_modules', path);

/** Each is a check of its own: a failure counts as one, and the others still run. */
const CHECKS = {
  format: () =>
    runLogged('prettier', process.execPath, [bin('prettier/bin/prettier.cjs'), '--check', '.'], {
      advice: 'npx prettier --write .',
    }),
  lint: async () => {
    const config = ['mjs', 'js', 'ts'].find((ending) => existsSync(join(REPOSITORY, `eslint.config.${ending}`)));
    if (!config) return 'no configuration yet';
    await runLogged('eslint', process.execPath, [
      bin('eslint/bin/eslint.js'),
      '.',
      '--cache',
      '--cache-location',
      join(LOCAL, 'eslint'),
    ]);
    return undefined;
  },
  types: () => runLogged('tsc', process.execPath, [bin('typescript/bin/tsc'), '-p', 'tsconfig.json']),
};

async function runChecks(steps, names) {
  const failed = [];
  for (const name of names) {
    await steps
      .run(name, CHECKS[name])
      .catch((error) => failed.push(`${name}: ${error.message}\n${error.advice ?? ''}`));
  }
  return failed;
}

const wishes = (args) => ({
  unit: args.includes('--unit'),
  int: args.includes('--int'),
  rest: args.filter((arg) => arg !== '--unit' && arg !== '--int'),
});

/** With paths or --unit/--int only the tests, without lint and types. */
export const testSteps = (args) => (args.length === 0 ? 5 : args.includes('--unit') ? 2 : 3);

export async function test(steps, args) {
  const { unit, int, rest } = wishes(args);
  const failedChecks = args.length > 0 ? [] : await runChecks(steps, ['lint', 'types']);
  await steps.run('build', buildNote); // tests of crashes run the built services
  if (!unit) await steps.run('server programs', () => ensureServers(givenForTests(), steps.say));
  const isPath = (arg) => !arg.startsWith('-') && !arg.endsWith('.ts');
  const selection = int ? rest.map((arg) => (isPath(arg) ? `${arg}.*${NEEDS_SERVERS}` : arg)) : [...rest];
  if (int && !rest.some((arg) => !arg.startsWith('-'))) selection.push(NEEDS_SERVERS);
  if (unit) selection.push(...UNIT_ONLY);
  report(await runJest(steps, selection), failedChecks);
}

/** Formatting, lint, types and unit tests. */
export async function check(steps) {
  const failedChecks = await runChecks(steps, ['format', 'lint', 'types']);
  report(await runJest(steps, UNIT_ONLY), failedChecks);
}
export const CHECK_STEPS = 4;

const givenForTests = () => ({
  postgres: process.env.STROWGER_TEST_POSTGRES_URL,
  redis: process.env.STROWGER_TEST_REDIS_URL,
  nats: process.env.STROWGER_TEST_NATS_URL,
});

async function runJest(steps, args) {
  steps.done += 1;
  console.log(`[${steps.done}/${steps.total}] tests`);
  rmSync(RESULTS, { force: true });
  const command = [bin('jest/bin/jest.js'), '--config', 'jest.config.mjs', '--json', '--outputFile', RESULTS, ...args];
  const flags = `${process.env.NODE_OPTIONS ?? ''} --experimental-vm-modules --disable-warning=ExperimentalWarning`;
  // Jest's --json also writes the results to stdout; its own report goes to stderr.
  return inForeground(process.execPath, command, { NODE_OPTIONS: flags.trim() }, ['inherit', 'ignore', 'inherit']);
}

function report(how, failedChecks) {
  let passed = 0;
  let failed = 0;
  if (existsSync(RESULTS)) {
    const results = JSON.parse(readFileSync(RESULTS, 'utf8'));
    passed = results.numPassedTests;
    failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  }
  if (how !== 0 && failed === 0) {
    failed = 1;
    console.log(`Jest ended with ${how} before it could tell why`);
  }
  for (const text of failedChecks) console.log(`\n${text.trimEnd()}`);
  failed += failedChecks.length;
  if (failedChecks.length > 0) console.log('\nA failed check (lint, types, format) counts as one failure.');
  console.log(`${passed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
}
