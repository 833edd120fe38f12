/** Progress lines, and the two steps before everything else: packages and the pinned Node. Runs on any Node ≥ 20. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from '../build.mjs';
import { dieWithParent, lastLines } from './servers.mjs';

export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
export const LOCAL = join(REPOSITORY, '.local');
const STEP_VARIABLE = 'STROWGER_RUN_STEP';

/** What went wrong and what the person can do; printed without a stack. */
export class SetupError extends Error {
  constructor(message, advice) {
    super(message);
    this.advice = advice;
  }
}

const elapsed = (since) => {
  const seconds = (performance.now() - since) / 1000;
  return seconds < 10 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds)} s`;
};

/** Prints `[2/6] build … ok (1.2 s)`; `total` includes the two steps of `prepare`. */
export class Steps {
  constructor(total, out = process.stdout) {
    this.total = total;
    this.say = (text) => out.write(text);
    this.done = Number(process.env[STEP_VARIABLE] ?? 0);
  }

  /** `work` answers a word about its result, or nothing. */
  async run(title, work) {
    this.done += 1;
    this.say(`[${this.done}/${this.total}] ${title} … `);
    const since = performance.now();
    try {
      const { note, result } = noteOf(await work());
      this.say(`ok${note ? `, ${note}` : ''} (${elapsed(since)})\n`);
      return result;
    } catch (error) {
      this.say(`failed (${elapsed(since)})\n`);
      throw error;
    }
  }
}

const noteOf = (value) =>
  typeof value === 'string' ? { note: value, result: value } : { note: value?.note, result: value };

/** Runs a command with its output in a log file. @throws SetupError with the end of the log */
export async function runLogged(name, command, args, { env = process.env, cwd = REPOSITORY, advice } = {}) {
  const logFile = join(LOCAL, 'logs', `${name}.log`);
  mkdirSync(join(LOCAL, 'logs'), { recursive: true });
  const log = createWriteStream(logFile);
  const wrapped = dieWithParent('TERM', command, args);
  const child = spawn(wrapped.command, wrapped.args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) stream.pipe(log, { end: false });
  const ended = await new Promise((resolve) => {
    child.once('close', (code, signal) => resolve(signal ?? code));
    child.once('error', (error) => resolve(error.message));
  });
  await new Promise((resolve) => log.end(resolve));
  if (ended === 0) return;
  throw new SetupError(`${name} failed (${ended}). End of ${logFile}:\n${lastLines(logFile, 40)}`, advice);
}

/** True when what npm says it installed is what the lock file asks for. */
function installedMatches(lock) {
  let installed;
  try {
    installed = JSON.parse(readFileSync(join(REPOSITORY, 'node_modules/.package-lock.json'), 'utf8')).packages;
  } catch {
    return false;
  }
  return Object.entries(lock.packages).every(([path, wanted]) => {
    if (!path.startsWith('node_modules/') || wanted.link) return true;
    const found = installed[path];
    return found ? found.version === wanted.version : Boolean(wanted.optional || wanted.peer);
  });
}

/** A workspace added since npm last ran here needs no npm: its link is all that npm would make. */
function linkWorkspaces(lock) {
  for (const [path, { link, resolved }] of Object.entries(lock.packages))
    if (link && !existsSync(join(REPOSITORY, path)))
      symlinkSync(relative(dirname(path), resolved), join(REPOSITORY, path));
}

async function npmCi() {
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  const advice = 'Check the network and the registry settings (npm config get registry), then run the command again.';
  try {
    await runLogged('npm-ci', 'npm', ['ci', ...quiet], { advice });
  } catch (error) {
    // Some registries lack packages for other platforms; then npm ci finds the lock file incomplete. npm install takes
    // the same locked versions, and --no-save leaves the lock file as it is.
    if (!/code EUSAGE/.test(readFileSync(join(LOCAL, 'logs/npm-ci.log'), 'utf8'))) throw error;
    await runLogged('npm-install', 'npm', ['install', '--no-save', ...quiet], { advice });
  }
}

async function installPackages() {
  const text = readFileSync(join(REPOSITORY, 'package-lock.json'), 'utf8');
  const hash = createHash('sha256').update(text).digest('hex');
  const stamp = join(LOCAL, 'package-lock.sha256');
  const hasModules = existsSync(join(REPOSITORY, 'node_modules/.package-lock.json'));
  if (hasModules && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return 'up to date';
  const lock = JSON.parse(text);
  const upToDate = hasModules && installedMatches(lock);
  if (upToDate) linkWorkspaces(lock);
  else await npmCi();
  mkdirSync(LOCAL, { recursive: true });
  writeFileSync(stamp, hash);
  return upToDate ? 'up to date' : 'installed';
}

/** Node 24.21 or a newer 24: what the packages were chosen for. */
function isPinned(version) {
  const [major, minor] = version.split('.').map(Number);
  return major === 24 && minor >= 21;
}

function pinnedNode() {
  if (isPinned(process.versions.node)) return process.execPath;
  const brought = join(REPOSITORY, `node_modules/node-linux-${process.arch}/bin/node`);
  if (existsSync(brought)) return brought;
  throw new SetupError(
    `Node 24.21 or a newer 24 is needed; this is ${process.versions.node} and npm brought none for ${process.platform}-${process.arch}`,
    'Install Node 24 (https://nodejs.org), or run npm ci without --omit=optional.',
  );
}

/**
 * Packages and Node. Answers true to go on in this process; else the same command has run under the pinned Node and
 * `process.exitCode` is set.
 */
export async function prepare(steps) {
  if (process.env[STEP_VARIABLE] !== undefined) return true;
  await steps.run('dependencies', installPackages);
  const node = await steps.run('Node 24', () => {
    const path = pinnedNode();
    return {
      note: path === process.execPath ? process.versions.node : `from ${path.slice(REPOSITORY.length + 1)}`,
      path,
    };
  });
  if (node.path === process.execPath) return true;
  process.exitCode = await inForeground(node.path, process.argv.slice(1), { [STEP_VARIABLE]: String(steps.done) });
  return false;
}

/** Runs a command that owns the terminal; answers its exit code. It ends with us. */
export function inForeground(command, args, env = {}, stdio = 'inherit') {
  const wrapped = dieWithParent('TERM', command, args);
  const child = spawn(wrapped.command, wrapped.args, { stdio, cwd: REPOSITORY, env: { ...process.env, ...env } });
  // Ctrl-C reaches the child by itself (one process group); waiting for it is all there is to do here.
  process.on('SIGINT', () => {});
  for (const name of ['SIGTERM', 'SIGHUP']) process.on(name, () => child.kill('SIGTERM'));
  return new Promise((resolve) => {
    child.once('exit', (code) => resolve(code ?? 1));
    child.once('error', () => resolve(1));
  });
}

/** The build step of every command. */
export async function buildNote() {
  try {
    const { compiled, total } = await build();
    return compiled === 0 ? 'up to date' : `${compiled} of ${total} files`;
  } catch (error) {
    throw new SetupError(`build: ${error.message}`, 'Correct the files named above.');
  }
}
