/** A throw-away system with the demo data in it, for checks that write to it. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { removeData, startStack } from '../setup/stack.ts';
import { REPOSITORY } from '../setup/steps.mjs';

export const VERIFY = join(REPOSITORY, '.local/verify');

/** Downloads into `.local/verify`; nothing is installed on the machine. */
export function run(command, args) {
  execFileSync(command, args, { stdio: 'inherit', cwd: VERIFY });
}

const SEED = join(REPOSITORY, 'tools/seed/dist/main.js');

/**
 * @param work `({ stack, logins, post }) => exit code`; `post(path, token, body)` answers the parsed JSON
 * @param env as of `startStack`
 */
export async function withOwnStack(portBase, env, work) {
  mkdirSync(VERIFY, { recursive: true });
  const home = mkdtempSync(join(VERIFY, 'stack-'));
  console.log('Starting a system of its own …');
  const stack = await startStack({ home, portBase, env });
  const stop = async () => {
    await stack.stop();
    removeData(join(home, 'data'));
    rmSync(home, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void stop().finally(() => process.exit(130)));
  try {
    const [ready, seeded] = [join(home, 'ready.json'), join(home, 'seed.json')];
    writeFileSync(ready, JSON.stringify({ ...stack.urls, operator: stack.operator }), { mode: 0o600 });
    run('env', [`STROWGER_READY_FILE=${ready}`, `STROWGER_SEED_FILE=${seeded}`, process.execPath, SEED]);
    const post = async (path, token, body = {}) => {
      const response = await fetch(stack.urls.gatewayUrl + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
        body: JSON.stringify(body),
      });
      if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${await response.text()}`);
      return response.json();
    };
    process.exitCode = await work({ stack, logins: JSON.parse(readFileSync(seeded, 'utf8')).logins, post });
  } finally {
    await stop();
  }
}
