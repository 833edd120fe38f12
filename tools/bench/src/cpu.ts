import { readFileSync } from 'node:fs';
import type { Stack } from '../../setup/stack.mjs';

/** Jiffies a second; Linux has had 100 on every machine this runs on. */
const HZ = 100;

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/** Seconds of processor time of a process and those below it. */
function secondsOf(pid: number): number {
  const fields = read(`/proc/${pid}/stat`).split(') ').at(-1)!.split(' ');
  const own = (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / HZ;
  const children = read(`/proc/${pid}/task/${pid}/children`).trim().split(' ').filter(Boolean);
  return children.reduce((sum, child) => sum + secondsOf(Number(child)), own);
}

/** Says where the processors' time goes while something is measured. Linux only; elsewhere it says nothing. */
export function watchCpu(stack: Stack): () => string {
  const seconds = (): Map<string, number> => {
    const parts: [string, number | undefined][] = [
      ...[...stack.children.values()].map(({ name, pid }): [string, number] => [name, pid]),
      ...stack.servers.map(({ name, pid }): [string, number | undefined] => [name, pid]),
    ];
    const { user, system } = process.cpuUsage();
    return new Map<string, number>([
      ...parts.map(([name, pid]): [string, number] => [name, pid === undefined ? 0 : secondsOf(pid)]),
      ['load', (user + system) / 1e6],
    ]);
  };
  const before = seconds();
  const startedAt = performance.now();
  return () => {
    const elapsed = (performance.now() - startedAt) / 1000;
    return [...seconds()]
      .map(([name, spent]): [string, number] => [name, (spent - (before.get(name) ?? spent)) / elapsed])
      .filter(([, cores]) => cores >= 0.02)
      .sort(([, a], [, b]) => b - a)
      .map(([name, cores]) => `${name} ${cores.toFixed(2)}`)
      .join(' + ');
  };
}
