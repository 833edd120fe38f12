import { readFileSync } from 'node:fs';
import type { Stack } from '../../setup/stack.ts';

/** Jiffies a second; Linux has had 100 on every machine this runs on. */
const HZ = 100;

const readFile = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/** Seconds of processor time of a process and those below it. */
function secondsOf(pid: number): number {
  const fields = readFile(`/proc/${pid}/stat`).split(') ').at(-1)!.split(' ');
  // Its own, and that of children that have ended.
  const own = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) / HZ;
  const children = readFile(`/proc/${pid}/task/${pid}/children`).trim().split(' ').filter(Boolean);
  return children.reduce((sum, child) => sum + secondsOf(Number(child)), own);
}

/** Where the processors' time went: cores by process, and seconds by process. */
export interface CpuUse {
  text: string;
  seconds: Map<string, number>;
  /** Microseconds of the product and its servers for one of so many; not of what plays carriers and callers. */
  microsFor(count: number): number;
}

const NOT_OURS = ['load', 'carrier-twins', 'mail-sink', 'floor'];

/** Watches the processes of the stack, the load generator and `others` from now until called. Linux only; elsewhere it sees nothing. */
export function watchCpu(stack: Stack, others: readonly { name: string; pid: number }[] = []): () => CpuUse {
  const read = (): Map<string, number> => {
    const { user, system } = process.cpuUsage();
    const processes = [...stack.children.values(), ...stack.servers, ...others];
    return new Map<string, number>([
      ...processes.map(({ name, pid }): [string, number] => [name, pid === undefined ? 0 : secondsOf(pid)]),
      ['load', (user + system) / 1e6],
    ]);
  };
  const before = read();
  const startedAt = performance.now();
  return () => {
    const elapsed = (performance.now() - startedAt) / 1000;
    const seconds = new Map([...read()].map(([name, now]) => [name, now - (before.get(name) ?? now)]));
    const text = [...seconds]
      .map(([name, spent]): [string, number] => [name, spent / elapsed])
      .filter(([, cores]) => cores >= 0.02)
      .sort(([, a], [, b]) => b - a)
      .map(([name, cores]) => `${name} ${cores.toFixed(2)}`)
      .join(' + ');
    const ours = [...seconds].reduce((sum, [name, spent]) => (NOT_OURS.includes(name) ? sum : sum + spent), 0);
    return { text, seconds, microsFor: (count) => (ours / count) * 1e6 };
  };
}
