/** Servers in containers, where Docker (or Podman, by DOCKER_HOST) is and the programs are not. */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ServerKind } from './servers.ts';

/** Others may be named, for machines that get their images elsewhere. */
const IMAGES: Record<ServerKind, string> = {
  postgres: process.env.STROWGER_POSTGRES_IMAGE ?? 'postgres:17-bookworm',
  redis: process.env.STROWGER_REDIS_IMAGE ?? 'redis:7.4-bookworm',
  nats: process.env.STROWGER_NATS_IMAGE ?? 'nats:2.11',
};
const PROGRAM = fileURLToPath(new URL('container.ts', import.meta.url));
/** The file in a server's folder that says that its data are in a volume. */
const MARK = 'volume';

export interface ContainerOptions {
  image: string;
  port: number;
  containerPort: number;
  /** The folder of ours that the data belong to. */
  folder: string;
  mark: string;
  /** Where the server keeps the data. */
  dataPath: string;
  args: (string | number)[];
  env?: Record<string, string>;
  files?: { target: string; content: string }[];
}

let answered: boolean | undefined;
/** True when a container engine answers. Asked once, in a process that ends: the client keeps connections. */
export function engineAnswers(): boolean {
  const ask = `import { getContainerRuntimeClient } from 'testcontainers';
    await getContainerRuntimeClient(); process.exit(0)`;
  const asked = () =>
    spawnSync(process.execPath, ['--input-type=module', '-e', ask], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      stdio: 'ignore',
      timeout: 20_000,
    });
  return (answered ??= asked().status === 0);
}

/** The command that runs a server's image in the foreground. */
export function containerCommand(
  kind: ServerKind,
  options: Omit<ContainerOptions, 'image' | 'mark'>,
): { command: string; args: string[] } {
  const all: ContainerOptions = { ...options, image: IMAGES[kind], mark: MARK };
  return { command: process.execPath, args: [PROGRAM, JSON.stringify(all)] };
}

/** Loses what the folder's server stored. Only while it is stopped. */
export function forgetVolume(folder: string): void {
  rmSync(join(folder, MARK), { force: true });
}
