/**
 * The one entry of the npm scripts: `node tools/run.mjs <command> [arguments]`. Brings the packages and the pinned
 * Node first, so that a machine with any Node ≥ 20 and npm will do. Everything after that is TypeScript, which Node 24
 * runs as it is.
 */
import { prepare, SetupError } from './setup/steps.mjs';

const [name = '', ...args] = process.argv.slice(2);
try {
  // With --json stdout belongs to the tool.
  const out = args.includes('--json') ? process.stderr : process.stdout;
  if (await prepare(out)) {
    const { runCommand } = await import('./setup/commands.ts');
    await runCommand(name, args, out);
  }
} catch (error) {
  console.error(`\n${name || 'run'}: ${error instanceof SetupError ? error.message : error.stack}`);
  if (error.advice) console.error(`\nWhat to do: ${error.advice}`);
  if (name === 'test') console.log('0 passed, 1 failed');
  process.exitCode = 1;
}
