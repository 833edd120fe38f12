/** Ports, folders and processes of this machine. */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';

const isRoot = process.getuid?.() === 0;

/** A TCP port of 127.0.0.1 that nothing listens on right now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** True when a server of ours could listen on the port. */
export function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/** Makes the folder and lets other accounts pass through it, whatever the umask. */
export function makeFolder(path: string, mode = 0o755): string {
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
export function reachableFolder(path: string): string {
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
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return !existsSync('/proc/self');
  }
}

/** The code of an error of the system, such as ESRCH. */
export const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);
