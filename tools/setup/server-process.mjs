/**
 * Server processes: ports, programs, folders, and starting, stopping and killing. Plain Node ≥ 20 without packages,
 * because it also runs before `npm ci`.
 */
import { spawn } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { connect, createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const isRoot = process.getuid?.() === 0;

/** A TCP port of 127.0.0.1 that nothing listens on right now. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** True when a server of ours could listen on the port. */
export function portIsFree(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/** Debian keeps PostgreSQL's server programs outside PATH, one folder per version; daemons live in sbin. */
function searchFolders() {
  const postgres = '/usr/lib/postgresql';
  const versions = existsSync(postgres) ? readdirSync(postgres).sort((a, b) => Number(b) - Number(a)) : [];
  return [
    ...versions.map((version) => join(postgres, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter).filter(Boolean),
    ...['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/sbin', '/usr/bin', '/opt/homebrew/bin'],
  ];
}

/** Full path of the first of these programs that this machine has. */
export function findBinary(...names) {
  for (const name of names) {
    for (const folder of searchFolders()) {
      const candidate = join(folder, name);
      try {
        accessSync(candidate, constants.X_OK);
        if (statSync(candidate).isFile()) return candidate;
      } catch {
        // not in this folder
      }
    }
  }
  return undefined;
}

/** Makes the folder and lets other accounts pass through it, whatever the umask. */
export function makeFolder(path, mode = 0o755) {
  if (!existsSync(path)) {
    makeFolder(dirname(path));
    mkdirSync(path, { recursive: true });
    chmodSync(path, mode);
  }
  return path;
}

/**
 * The folder itself, or, where root's checkout is closed to the account PostgreSQL runs as (such as in /root), a
 * folder of root in /var/tmp that stands for it.
 */
export function reachableFolder(path) {
  if (!isRoot) return makeFolder(path);
  let closed = false;
  for (let folder = path; ; folder = dirname(folder)) {
    if (existsSync(folder) && (statSync(folder).mode & 0o001) === 0) closed = true;
    if (folder === dirname(folder)) break;
  }
  if (!closed) return makeFolder(path);
  const substitute = `/var/tmp/strowger-${createHash('sha256').update(path).digest('hex').slice(0, 12)}`;
  makeFolder(substitute);
  const found = lstatSync(substitute);
  if (!found.isDirectory() || found.uid !== 0) throw new Error(`${substitute} is not a folder of root; remove it`);
  return substitute;
}

/** True while the process lives (a zombie does not). */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return !existsSync('/proc/self');
  }
}

function childrenOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

export function lastLines(file, count = 30) {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
  } catch {
    return '';
  }
}

/** Sends bytes to the port, if any, and answers whether the first answer passes. */
export function answers(port, send, passes) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => send && socket.write(send));
    const done = (result) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1000, () => done(false));
    socket.once('data', (data) => done(passes(data)));
    socket.once('error', () => done(false));
    socket.once('close', () => done(false));
  });
}

/**
 * Wraps a command so that the kernel sends the signal to it when its parent dies, however that dies. Where setpriv is
 * missing (not Linux), a child outlives a killed parent, and the next run clears it by its pid file.
 */
export function dieWithParent(deathSignal, command, args, user) {
  const setpriv = findBinary('setpriv');
  const identity = user ? ['--reuid', user.uid, '--regid', user.gid, '--clear-groups'] : [];
  if (setpriv) {
    return { command: setpriv, args: ['--pdeathsig', deathSignal, ...identity, command, ...args].map(String) };
  }
  return { command, args: args.map(String), ...(user && { uid: user.uid, gid: user.gid }) };
}

/** A server process with a fixed port and data folder; may be stopped, killed and started again. */
export class ServerProcess {
  #child;
  #exit = Promise.resolve();
  #options;
  #serves = false;
  #ending = false;
  /** Called with how it ended when that was not by `stop` or `kill9`. */
  onDeath;

  constructor(options) {
    this.#options = options;
    this.name = options.name;
    this.port = options.port;
    this.url = options.url;
    this.dataDir = options.dataDir;
    this.logFile = options.logFile;
  }

  get pid() {
    return this.#child?.pid;
  }

  /** Settles when the process that runs now has ended. */
  get exited() {
    return this.#exit;
  }

  /** Starts it and waits until it serves. @throws Error with the end of its log */
  async start() {
    if (this.#child) return;
    this.#ending = false;
    const { name, command, args, env, deathSignal, user, probe, removeContainer } = this.#options;
    removeContainer?.();
    const timeoutMs = removeContainer ? 180_000 : 20_000; // an image may have to be fetched first
    const deadline = Date.now() + timeoutMs;
    do {
      const log = openSync(this.logFile, 'a');
      const wrapped = dieWithParent(deathSignal, command, args, user);
      // A process group of its own, so that Ctrl-C reaches only us and we choose the order of stopping.
      const child = spawn(wrapped.command, wrapped.args, {
        cwd: this.dataDir,
        stdio: ['ignore', log, log],
        detached: true,
        env: { ...process.env, ...env },
        ...(wrapped.uid !== undefined && { uid: wrapped.uid, gid: wrapped.gid }),
      });
      closeSync(log);
      child.unref();
      this.#child = child;
      this.#exit = new Promise((resolve) => {
        const ended = (why) => {
          if (this.#child === child) this.#child = undefined;
          resolve(why);
          if (this.#serves && !this.#ending) this.onDeath?.(why);
          this.#serves = false;
        };
        child.once('exit', (code, signalName) => ended(signalName ?? code));
        child.once('error', (error) => ended(error.message));
      });
      while (this.#child === child && Date.now() < deadline) {
        if (await probe(this.port)) {
          this.#serves = this.#child === child;
          return;
        }
        await wait(15);
      }
      // After kill -9 the old backends may hold the shared memory for a moment; then PostgreSQL ends at once.
      if (!this.#child) await wait(100);
    } while (Date.now() < deadline && /still in use|being shut down/.test(lastLines(this.logFile, 5)));
    await this.kill9();
    throw new Error(`${name} did not start on port ${this.port}. End of ${this.logFile}:\n${lastLines(this.logFile)}`);
  }

  /** Asks it to end, and ends it by force after 10 s. */
  async stop() {
    const child = this.#child;
    if (!child) return;
    this.#ending = true;
    child.ref(); // nothing else may keep a script alive until the server has ended
    signal(child.pid, this.#options.stopSignal);
    const timer = new AbortController();
    await Promise.race([this.#exit, wait(10_000, undefined, { signal: timer.signal, ref: false }).catch(() => {})]);
    timer.abort();
    if (this.#child === child) await this.kill9();
  }

  /** What a power cut does to the process: no flush, no goodbye. */
  async kill9() {
    const child = this.#child;
    if (!child) return;
    this.#ending = true;
    child.ref();
    const children = childrenOf(child.pid);
    signal(child.pid, 'SIGKILL');
    for (const pid of children) signal(pid, 'SIGKILL');
    this.#options.removeContainer?.();
    await this.#exit;
  }

  /** Loses everything it stored. Only while stopped. */
  wipe() {
    if (this.#child) throw new Error(`${this.name} still runs`);
    this.#options.wipe();
  }
}
