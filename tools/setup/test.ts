/** `npm test` and `npm run check`. The last line of a test run is `N passed, N failed`. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildStep } from '../build.ts';
import { ensureServers } from './install-servers.ts';
import { inForeground, LOCAL, REPOSITORY, runLogged, SetupError, Steps } from './steps.mjs';

const NEEDS_SERVERS = '\\.(int|e2e)\\.spec\\.ts$';
/** After any paths: the option takes what follows as its values. */
const UNIT_ONLY = ['/node_modules/', NEEDS_SERVERS].map((pattern) => `--testPathIgnorePatterns=${pattern}`);
const RESULTS = join(LOCAL, 'test-results.json');
const bin = (path: string): string => join(REPOSITORY, 'node_modules', path);

/** Each is a check of its own: a failure counts as one, and the others still run. */
const CHECKS = {
  format: () =>
    runLogged('prettier', process.execPath, [bin('prettier/bin/prettier.cjs'), '--check', '.'], {
      advice: 'npx prettier --write .',
    }),
  lint: () =>
    runLogged('eslint', process.execPath, [
      bin('eslint/bin/eslint.js'),
      '.',
      '--cache',
      '--cache-location',
      join(LOCAL, 'eslint'),
    ]),
  types: () => runLogged('tsc', process.execPath, [bin('typescript/bin/tsc'), '-p', 'tsconfig.json']),
};

/** Runs the checks side by side. @returns what failed, with the reason */
async function runChecks(steps: Steps, names: (keyof typeof CHECKS)[]): Promise<string[]> {
  const failed: string[] = [];
  const work = async (): Promise<void> => {
    await Promise.all(
      names.map((name) =>
        CHECKS[name]().catch((error: unknown) => {
          if (!(error instanceof SetupError)) throw error;
          failed.push(`${name}: ${error.message}\n${error.advice ?? ''}`);
        }),
      ),
    );
    if (failed.length > 0) throw new SetupError('a check failed');
  };
  await steps.run(names.join(', '), work).catch((error: unknown) => {
    if (!(error instanceof SetupError)) throw error;
  });
  return failed;
}

/** With paths or --unit/--int only the tests, without lint and types. */
export async function test(out: NodeJS.WriteStream, args: string[]): Promise<void> {
  const unit = args.includes('--unit');
  const int = args.includes('--int');
  const rest = args.filter((arg) => arg !== '--unit' && arg !== '--int');
  const steps = new Steps(args.length === 0 ? 4 : unit ? 2 : 3, out);
  const failedChecks = args.length > 0 ? [] : await runChecks(steps, ['lint', 'types']);
  await steps.run('build', buildStep); // tests of crashes run the built services
  if (!unit) await steps.run('server programs', () => ensureServers(givenForTests(), steps.say));
  const isPath = (arg: string): boolean => !arg.startsWith('-') && !arg.endsWith('.ts');
  const selection = int ? rest.map((arg) => (isPath(arg) ? `${arg}.*${NEEDS_SERVERS}` : arg)) : [...rest];
  if (int && !rest.some((arg) => !arg.startsWith('-'))) selection.push(NEEDS_SERVERS);
  if (unit) selection.push(...UNIT_ONLY);
  report(await runJest(steps, selection), failedChecks);
}

/** Formatting, lint, types and unit tests. */
export async function check(out: NodeJS.WriteStream): Promise<void> {
  const steps = new Steps(2, out);
  const failedChecks = await runChecks(steps, ['format', 'lint', 'types']);
  report(await runJest(steps, UNIT_ONLY), failedChecks);
}

const givenForTests = () => ({
  postgres: process.env.STROWGER_TEST_POSTGRES_URL,
  redis: process.env.STROWGER_TEST_REDIS_URL,
  nats: process.env.STROWGER_TEST_NATS_URL,
});

function runJest(steps: Steps, args: string[]): Promise<number> {
  steps.say(`${steps.next()}tests\n`);
  rmSync(RESULTS, { force: true });
  const command = [bin('jest/bin/jest.js'), '--config', 'jest.config.mjs', '--json', '--outputFile', RESULTS, ...args];
  const flags = `${process.env.NODE_OPTIONS ?? ''} --experimental-vm-modules --disable-warning=ExperimentalWarning`;
  // Jest's --json also writes the results to stdout; its own report goes to stderr.
  return inForeground(process.execPath, command, { NODE_OPTIONS: flags.trim() }, ['inherit', 'ignore', 'inherit']);
}

function report(exitCode: number, failedChecks: string[]): void {
  let passed = 0;
  let failed = 0;
  if (existsSync(RESULTS)) {
    const results = JSON.parse(readFileSync(RESULTS, 'utf8'));
    passed = results.numPassedTests;
    failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  }
  if (exitCode !== 0 && failed === 0) {
    failed = 1;
    console.log(`Jest ended with ${exitCode} before it could say why`);
  }
  for (const text of failedChecks) console.log(`\n${text.trimEnd()}`);
  failed += failedChecks.length;
  if (failedChecks.length > 0) console.log('\nA failed check (lint, types, format) counts as one failure.');
  console.log(`${passed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
}
