/** A server of ours that tests stop, kill and wipe, whether it runs as a program of this machine or in a container. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { codeOf } from './machine.ts';
import { dieWithParent, lastLines } from './processes.mjs';

/** Sends bytes to the port, if any, and returns whether the first answer passes. */
export function answers(
  port: number,
  send: string | Buffer | undefined,
  passes: (data: Buffer) => boolean,
): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      if (send) socket.write(send);
    });
    const done = (result: boolean): void => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1000, () => done(false));
    socket.once('data', (data: Buffer) => done(passes(data)));
    socket.once('error', () => done(false));
    socket.once('close', () => done(false));
  });
}

export interface Account {
  uid: number;
  gid: number;
}

export interface ServerOptions {
  name: string;
  port: number;
  url: string;
  /** Where it works; its data is below. */
  dataDir: string;
  logFile: string;
  command: string;
  args: (string | number)[];
  user?: Account | undefined;
  startSeconds: number;
  stopSignal: NodeJS.Signals;
  /** What ends it at once; for a container its program passes it on. */
  killSignal: 'SIGKILL' | 'SIGUSR2';
  /** Sent when we die; without SIG. */
  deathSignal: string;
  /** Whether it answers on the port. */
  probe: (port: number) => Promise<boolean>;
  wipe: () => void;
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

/** A server with a fixed port and data folder; may be stopped, killed and started again. */
export class ServerProcess {
  readonly name: string;
  readonly port: number;
  readonly url: string;
  readonly dataDir: string;
  readonly logFile: string;
  /** Called with how it ended when that was not by `stop` or `kill9`. */
  onDeath: ((how: string) => void) | undefined;
  #options: ServerOptions;
  #child: ChildProcess | undefined;
  #exit: Promise<unknown> = Promise.resolve();
  #serves = false;
  #ending = false;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.name = options.name;
    this.port = options.port;
    this.url = options.url;
    this.dataDir = options.dataDir;
    this.logFile = options.logFile;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts it and waits until it serves. @throws Error with the end of its log */
  async start(): Promise<void> {
    if (this.#child) return;
    this.#ending = false;
    const { probe, startSeconds } = this.#options;
    const deadline = Date.now() + startSeconds * 1000;
    do {
      const child = this.#spawn();
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
    throw new Error(
      `${this.name} did not start on port ${this.port}. End of ${this.logFile}:\n${lastLines(this.logFile)}`,
    );
  }

  #spawn(): ChildProcess {
    const { command, args, deathSignal, user } = this.#options;
    const wrapped = dieWithParent(deathSignal, command, args, user);
    const log = openSync(this.logFile, 'a');
    // A process group of its own, so that Ctrl-C reaches only us and we choose the order of stopping.
    const child = spawn(wrapped.command, wrapped.args, {
      cwd: this.dataDir,
      stdio: ['ignore', log, log],
      detached: true,
      ...(wrapped.uid !== undefined && { uid: wrapped.uid, gid: wrapped.gid }),
    });
    closeSync(log);
    child.unref();
    this.#child = child;
    this.#exit = new Promise<void>((resolve) => {
      const ended = (how: string): void => {
        if (this.#child === child) this.#child = undefined;
        resolve();
        if (this.#serves && !this.#ending) this.onDeath?.(how);
        this.#serves = false;
      };
      child.once('exit', (code, signalName) => ended(signalName ?? String(code)));
      child.once('error', (error) => ended(error.message));
    });
    return child;
  }

  /** Asks it to end, and ends it by force after 10 s. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (!child?.pid) return;
    this.#ending = true;
    child.ref(); // nothing else may keep a script alive until the server has ended
    signal(child.pid, this.#options.stopSignal);
    const timer = new AbortController();
    await Promise.race([this.#exit, wait(10_000, undefined, { signal: timer.signal, ref: false }).catch(() => {})]);
    timer.abort();
    if (this.#child === child) await this.kill9();
  }

  /** What a power cut does to the process: no flush, no goodbye. */
  async kill9(): Promise<void> {
    const child = this.#child;
    if (!child?.pid) return;
    this.#ending = true;
    child.ref();
    const { killSignal } = this.#options;
    const children = childrenOf(child.pid);
    signal(child.pid, killSignal);
    if (killSignal === 'SIGKILL') for (const pid of children) signal(pid, killSignal);
    await this.#exit;
  }

  /** Loses everything it stored. Only while stopped. */
  wipe(): void {
    if (this.#child) throw new Error(`${this.name} still runs`);
    this.#options.wipe();
  }
}
