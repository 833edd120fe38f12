import { spawn } from 'node:child_process';
import { dieWithParent } from '../../../tools/setup/processes.mjs';
import { eventually } from './eventually.js';

export interface SpawnServiceOptions {
  /** A built entry, such as `apps/routing/dist/main.js`. */
  entry: string;
  args?: string[];
  /** Added to PATH, HOME and the like; nothing else of this process's environment is passed on. */
  env: Record<string, string | undefined>;
  /** Ready when a line of its output matches … */
  readyLine?: string | RegExp;
  /** … or this URL answers 2xx. With neither: as soon as it runs. */
  readyUrl?: string;
  /** Default 20 s. */
  timeoutMs?: number;
}

export interface SpawnedService {
  pid: number;
  /** Everything it has written so far, stdout and stderr. */
  output(): string;
  /** Sudden death; settles when the process is gone. */
  kill9(): Promise<void>;
  /** SIGTERM; answers the exit code. */
  stop(): Promise<number | string>;
  /** Exit code, or the signal that ended it. */
  exited: Promise<number | string>;
}

const PASSED_ON = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'];

/**
 * Runs a service as a process of its own, for tests that kill it. It ends with the test process at the latest.
 * @throws Error with the end of its output, when it ends or stays silent instead of becoming ready
 */
export async function spawnService(options: SpawnServiceOptions): Promise<SpawnedService> {
  const { entry, args = [], env, readyLine, readyUrl, timeoutMs = 20_000 } = options;
  const inherited = Object.fromEntries(PASSED_ON.map((name) => [name, process.env[name]]));
  const wrapped = dieWithParent('KILL', process.execPath, ['--enable-source-maps', entry, ...args]);
  const child = spawn(wrapped.command, wrapped.args, {
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  let ended: number | string | undefined;
  const exited = new Promise<number | string>((resolve) => {
    child.once('exit', (code, signal) => resolve((ended = signal ?? code ?? 'unknown')));
    child.once('error', (error) => resolve((ended = error.message)));
  });
  const service: SpawnedService = {
    pid: child.pid ?? 0,
    output: () => output,
    kill9: async () => {
      child.kill('SIGKILL');
      await exited;
    },
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
    exited,
  };
  const isReady = async (): Promise<boolean> => {
    if (ended !== undefined) return true; // the two are kept apart below: it is useless to wait longer
    if (readyLine !== undefined) return output.split('\n').some((line) => matches(line, readyLine));
    return readyUrl === undefined || (await fetch(readyUrl, { signal: AbortSignal.timeout(2000) })).ok;
  };
  await eventually(isReady, { timeoutMs, message: `${entry} is ready` }).catch(async (error: unknown) => {
    await service.kill9();
    throw new Error(`${entry} did not become ready:\n${output.slice(-4000)}`, { cause: error });
  });
  if (ended !== undefined) throw new Error(`${entry} ended (${ended}) before it was ready:\n${output.slice(-4000)}`);
  return service;
}

function matches(line: string, wanted: string | RegExp): boolean {
  return typeof wanted === 'string' ? line.includes(wanted) : wanted.test(line);
}
