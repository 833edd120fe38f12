/** What `tools/run.mjs` runs once the packages and Node 24 are there: one function for each npm script. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildStep } from '../build.ts';
import { ensureServers } from './install-servers.ts';
import { twinsEnv } from './service-env.ts';
import { start } from './start.ts';
import { inForeground, REPOSITORY, SetupError, Steps } from './steps.mjs';
import { check, test } from './test.ts';

type Out = NodeJS.WriteStream;

const COMMANDS: Record<string, (args: string[], out: Out) => Promise<void>> = {
  start: (args, out) => start(out, { fresh: args.includes('--fresh') }),
  test: (args, out) => test(out, args),
  check: (_args, out) => check(out),
  build: async (_args, out) => {
    await new Steps(1, out).run('build', buildStep);
  },
  twins: (args, out) => tool('tools/carrier-twins/dist/main.js', args, out, { env: twinsEnv() }),
  demo: (args, out) => tool('tools/demo/dist/main.js', args, out, { servers: true }),
  bench: (args, out) => tool('tools/bench/dist/main.js', args, out, { servers: true }),
  schemas: (args, out) => tool('tools/schemas/dist/main.js', args, out),
};

export async function runCommand(name: string, args: string[], out: Out): Promise<void> {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) throw new SetupError(`no command ${name}`, `One of: ${Object.keys(COMMANDS).join(', ')}`);
  await command(args, out);
}

/** Builds and runs a tool of ours in the foreground; with `servers`, after their programs are there. */
async function tool(
  path: string,
  args: string[],
  out: Out,
  { servers = false, env = {} }: { servers?: boolean; env?: NodeJS.ProcessEnv } = {},
): Promise<void> {
  const steps = new Steps(servers ? 2 : 1, out);
  await steps.run('build', buildStep);
  if (servers) await steps.run('server programs', () => ensureServers({}, steps.say));
  if (!existsSync(join(REPOSITORY, path)))
    throw new SetupError(`${path} is missing`, 'This checkout has no such tool.');
  process.exitCode = await inForeground(process.execPath, ['--enable-source-maps', path, ...args], env);
}
