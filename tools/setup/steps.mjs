// @ts-check
/** Progress lines, and the two steps before everything else: packages and the pinned Node. Plain Node ≥ 20. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dieWithParent, lastLines } from './processes.mjs';

export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
export const LOCAL = join(REPOSITORY, '.local');
/** Set for the command's second run, under the pinned Node. */
const PREPARED = 'STROWGER_PREPARED';

/** What went wrong and what the person can do; printed without a stack. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {string} [advice]
   */
  constructor(message, advice) {
    super(message);
    this.advice = advice;
  }
}

/** @param {number} since */
function elapsed(since) {
  const seconds = (performance.now() - since) / 1000;
  return seconds < 10 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds)} s`;
}

/** Prints `[2/6] build … ok (1.2 s)`, or without a total `build … ok (1.2 s)`. */
export class Steps {
  #total;
  #done = 0;

  /**
   * @param {number} total 0 to print no numbers
   * @param {NodeJS.WritableStream} out
   */
  constructor(total, out) {
    this.#total = total;
    /** @param {string} text */
    this.say = (text) => void out.write(text);
  }

  /** `[2/6] ` for the step that begins. */
  next() {
    this.#done += 1;
    return this.#total > 0 ? `[${this.#done}/${this.#total}] ` : '';
  }

  /**
   * @template T
   * @param {string} title
   * @param {() => T | Promise<T>} work returns a word about its result (as text, or as `note`), or nothing
   * @returns {Promise<T>}
   */
  async run(title, work) {
    this.say(`${this.next()}${title} … `);
    const since = performance.now();
    try {
      const result = await work();
      const note = noteOf(result);
      this.say(`ok${note ? `, ${note}` : ''} (${elapsed(since)})\n`);
      return result;
    } catch (error) {
      this.say(`failed (${elapsed(since)})\n`);
      throw error;
    }
  }
}

/** @param {unknown} result */
function noteOf(result) {
  if (typeof result === 'string') return result;
  return typeof result === 'object' && result !== null && 'note' in result ? String(result.note) : undefined;
}

/**
 * Runs a command with its output in a log file.
 * @param {string} name of the log file
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, advice?: string }} [options]
 * @throws SetupError with the end of the log
 */
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
  await new Promise((resolve) => log.end(() => resolve(undefined)));
  if (ended === 0) return;
  throw new SetupError(`${name} failed (${ended}). End of ${logFile}:\n${lastLines(logFile, 40)}`, advice);
}

/**
 * True when what npm says it installed is what the lock file asks for.
 * @param {{ packages: Record<string, { version?: string, link?: boolean, optional?: boolean, peer?: boolean }> }} lock
 */
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

/**
 * A workspace added since npm last ran here needs no npm: its link is all that npm would make.
 * @param {{ packages: Record<string, { link?: boolean, resolved?: string }> }} lock
 */
function linkWorkspaces(lock) {
  for (const [path, { link, resolved }] of Object.entries(lock.packages))
    if (link && resolved && !existsSync(join(REPOSITORY, path)))
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

/**
 * Node 24.21 or a newer 24: what the packages were chosen for.
 * @param {string} version
 */
function isPinned(version) {
  const [major, minor] = version.split('.').map(Number);
  return major === 24 && minor !== undefined && minor >= 21;
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
 * Packages and Node. True to go on in this process; else the same command has run under the pinned Node and
 * `process.exitCode` is set.
 * @param {NodeJS.WritableStream} out
 */
export async function prepare(out) {
  if (process.env[PREPARED] !== undefined) return true;
  const steps = new Steps(0, out);
  await steps.run('dependencies', installPackages);
  const { path } = await steps.run('Node 24', () => {
    const path = pinnedNode();
    return {
      note: path === process.execPath ? process.versions.node : `from ${path.slice(REPOSITORY.length + 1)}`,
      path,
    };
  });
  if (path === process.execPath) return true;
  process.exitCode = await inForeground(path, process.argv.slice(1), { [PREPARED]: 'yes' });
  return false;
}

/**
 * Runs a command that owns the terminal. It ends with us.
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env added to ours
 * @param {import('node:child_process').StdioOptions} stdio
 * @returns {Promise<number>} its exit code
 */
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
