/**
 * The one entry of the npm scripts: `node tools/run.mjs <command> [arguments]`. Brings the packages and the pinned
 * Node first, so that a machine with any Node ≥ 20 and npm will do.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensureServers } from './setup/install-servers.mjs';
import { start, START_STEPS } from './setup/start.mjs';
import { buildNote, inForeground, prepare, REPOSITORY, SetupError, Steps } from './setup/steps.mjs';
import { check, CHECK_STEPS, test, testSteps } from './setup/test.mjs';
import { twinsEnv } from './setup/service-env.mjs';

/** Steps of `prepare`. */
const PREPARE = 2;

/** Each answers how many steps it takes and the work. Nothing here may need an installed package before it runs. */
const COMMANDS = {
  start: (args) => [START_STEPS, (steps) => start(steps, { fresh: args.includes('--fresh') })],
  test: (args) => [testSteps(args), (steps) => test(steps, args)],
  check: () => [CHECK_STEPS, check],
  build: () => [1, (steps) => steps.run('build', buildNote)],
  twins: (args) => tool('tools/carrier-twins/dist/main.js', args, { env: twinsEnv() }),
  demo: (args) => tool('tools/demo/dist/main.js', args, { servers: true }),
  bench: (args) => tool('tools/bench/dist/main.js', args, { servers: true }),
  schemas: (args) => tool('tools/schemas/dist/main.js', args),
};

/** Builds and runs a tool of ours in the foreground; with `servers`, after their programs are there. */
function tool(path, args, { servers = false, env = {} } = {}) {
  const run = async (steps) => {
    await steps.run('build', buildNote);
    if (servers) await steps.run('server programs', () => ensureServers({}, steps.say));
    if (!existsSync(join(REPOSITORY, path)))
      throw new SetupError(`${path} is missing`, 'This checkout has no such tool.');
    process.exitCode = await inForeground(process.execPath, ['--enable-source-maps', path, ...args], env);
  };
  return [servers ? 2 : 1, run];
}

const [name, ...args] = process.argv.slice(2);
try {
  const command = Object.hasOwn(COMMANDS, name ?? '') ? COMMANDS[name] : undefined;
  if (!command) throw new SetupError(`no command ${name ?? ''}`, `One of: ${Object.keys(COMMANDS).join(', ')}`);
  const [count, run] = command(args);
  // With --json stdout belongs to the tool.
  const steps = new Steps(PREPARE + count, args.includes('--json') ? process.stderr : process.stdout);
  if (await prepare(steps)) await run(steps);
} catch (error) {
  console.error(`\n${name ?? 'run'}: ${error instanceof SetupError ? error.message : error.stack}`);
  if (error.advice) console.error(`\nWhat to do: ${error.advice}`);
  if (name === 'test') console.log('0 passed, 1 failed');
  process.exitCode = 1;
}
