/** Servers in containers, for machines with Docker and without the programs. The client runs in the foreground. */
import { spawnSync } from 'node:child_process';
import { findBinary } from './server-process.mjs';

const IMAGES = { postgres: 'postgres:17-bookworm', redis: 'redis:7.4-bookworm', nats: 'nats:2.11' };

let answered;
/** True when a Docker daemon answers. Asked once. */
export function dockerAnswers() {
  answered ??=
    Boolean(findBinary('docker')) && spawnSync('docker', ['info'], { stdio: 'ignore', timeout: 10_000 }).status === 0;
  return answered;
}

/**
 * The command that runs a server's image with the data folder mounted. As the caller's own account, so that the data
 * can be removed again; root leaves it to the image.
 */
export function inContainer(kind, { port, containerPort, mounts, args, passEnv = [] }) {
  const name = `strowger-${kind}-${port}`;
  const account = process.getuid() === 0 ? [] : ['--user', `${process.getuid()}:${process.getgid()}`];
  return {
    command: findBinary('docker'),
    // prettier-ignore
    args: ['run', '--rm', '--name', name, '-p', `127.0.0.1:${port}:${containerPort}`, ...account,
      ...mounts.flatMap(([from, to]) => ['-v', `${from}:${to}`]), ...passEnv.flatMap((variable) => ['-e', variable]),
      IMAGES[kind], ...args],
    /** Killing the client leaves the container. */
    removeContainer: () => spawnSync('docker', ['rm', '-f', name], { stdio: 'ignore' }),
  };
}
