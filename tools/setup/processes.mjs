// @ts-check
/**
 * Programs of this machine and the processes we start. Plain Node ≥ 20 without packages, because `steps.mjs` needs it
 * before the packages and Node 24 are there.
 */
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

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

/**
 * @param {string[]} names
 * @returns {string | undefined} full path of the first of these programs that this machine has
 */
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

/**
 * Wraps a command so that the kernel sends the signal to it when its parent dies, however that dies. Where setpriv is
 * missing (not Linux), a child outlives a killed parent, and the next run clears it by its pid file.
 * @param {string} deathSignal such as TERM
 * @param {string} command
 * @param {(string | number)[]} args
 * @param {{ uid: number, gid: number }} [user] to run it as
 * @returns {{ command: string, args: string[], uid?: number, gid?: number }}
 */
export function dieWithParent(deathSignal, command, args, user) {
  const setpriv = findBinary('setpriv');
  const identity = user ? ['--reuid', user.uid, '--regid', user.gid, '--clear-groups'] : [];
  if (setpriv) {
    return { command: setpriv, args: ['--pdeathsig', deathSignal, ...identity, command, ...args].map(String) };
  }
  return { command, args: args.map(String), ...(user && { uid: user.uid, gid: user.gid }) };
}

/**
 * @param {string} file
 * @returns {string} nothing where there is no such file
 */
export function lastLines(file, count = 30) {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
  } catch {
    return '';
  }
}
