import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SpoolInUse } from './spool.errors.js';

export interface SpoolLock {
  release(): Promise<void>;
}

/**
 * Keeps a second process out of the folder. The file names the holder by pid and start time, so a restart is not blocked by
 * a crash or a reused pid. Where there is no /proc, nothing is locked.
 */
export async function lockSpool(directory: string): Promise<SpoolLock> {
  const path = join(directory, 'lock');
  const [pid, started] = (await readFile(path, 'utf8').catch(() => '')).trim().split(' ');
  if (pid && Number(pid) !== process.pid && started && started === (await startTime(Number(pid))))
    throw new SpoolInUse(directory, Number(pid));
  await writeFile(path, `${process.pid} ${(await startTime(process.pid)) ?? ''}\n`, { mode: 0o600 });
  return { release: () => rm(path, { force: true }) };
}

/** Clock ticks after boot at which a process began: field 22 of /proc/<pid>/stat. The name before it may hold spaces. */
async function startTime(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}
