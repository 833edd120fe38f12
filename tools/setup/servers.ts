/**
 * PostgreSQL, Redis and NATS, each in a folder and on a port of our own: from programs of this machine, else in
 * containers.
 */
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { containerCommand, type ContainerOptions, engineAnswers, forgetVolume } from './containers.ts';
import { makeFolder, reachableFolder } from './machine.ts';
import { findBinary } from './processes.mjs';
import { type Account, answers, ServerProcess } from './server-process.ts';

export type ServerKind = 'postgres' | 'redis' | 'nats';

const KINDS: ServerKind[] = ['postgres', 'redis', 'nats'];
const SERVERS: Record<ServerKind, { names: string[]; need: [number, number]; title: string }> = {
  postgres: { names: ['postgres'], need: [15, 0], title: 'PostgreSQL' },
  redis: { names: ['redis-server', 'valkey-server'], need: [7, 0], title: 'Redis' },
  nats: { names: ['nats-server'], need: [2, 9], title: 'nats-server' },
};

export interface FoundServer {
  kind: ServerKind;
  title: string;
  /** Oldest version that will do. */
  need: string;
  path?: string;
  version?: string;
  usable: boolean;
}

/** For each server: where it is, its version, and whether that version will do. */
export function findServers(): FoundServer[] {
  return KINDS.map((kind) => {
    const { names, need: oldest, title } = SERVERS[kind];
    const path = findBinary(...names);
    const need = oldest.join('.').replace(/\.0$/, '');
    if (!path) return { kind, title, need, usable: false };
    const version = /(\d+)\.(\d+)/.exec(spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout ?? '');
    const [major, minor] = [Number(version?.[1]), Number(version?.[2])];
    const usable = major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
    return { kind, title, need, path, version: version?.[0], usable };
  });
}

const programs = new Map<ServerKind, string>();

/** The program, if it is here and new enough; else nothing, where a container will do. */
function program(kind: ServerKind): string | undefined {
  if (!programs.has(kind))
    for (const { kind: found, path, usable } of findServers()) if (path && usable) programs.set(found, path);
  const found = programs.get(kind);
  if (found || engineAnswers()) return found;
  const { title, need } = SERVERS[kind];
  throw new Error(
    `${title} ≥ ${need.join('.')} is not installed and no Docker or Podman answers; npm test and npm start install it`,
  );
}

/** PostgreSQL refuses to run as root, so root hands it to another account. */
function unprivilegedUser(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const fields = lines.find((line) => line.startsWith(`${name}:`))?.split(':');
    if (fields) return { uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new Error(
    'PostgreSQL does not run as root and this machine has no account "postgres" or "nobody" to run it as',
  );
}

/** StartupMessage of protocol 3.0: an authentication request (R) means that it takes connections. */
const POSTGRES_HELLO = Buffer.concat([
  Buffer.from([0, 0, 0, 23, 0, 3, 0, 0]),
  Buffer.from('user\0postgres\0\0', 'latin1'),
]);

interface Ways {
  name: string;
  stopSignal: NodeJS.Signals;
  /** The same without SIG, for setpriv. */
  deathSignal: string;
  probe: (port: number) => Promise<boolean>;
}
const WAYS: Record<ServerKind, Ways> = {
  postgres: {
    name: 'PostgreSQL',
    stopSignal: 'SIGINT', // "fast": open transactions are rolled back, then a clean shutdown
    deathSignal: 'INT',
    probe: (port) => answers(port, POSTGRES_HELLO, (data) => data[0] === 'R'.charCodeAt(0)),
  },
  redis: {
    name: 'Redis',
    stopSignal: 'SIGTERM',
    deathSignal: 'TERM',
    probe: (port) => answers(port, 'PING\r\n', (data) => data.toString('latin1').startsWith('+PONG')),
  },
  nats: {
    name: 'NATS',
    stopSignal: 'SIGTERM',
    deathSignal: 'TERM',
    probe: (port) => answers(port, undefined, (data) => data.toString('latin1').startsWith('INFO')),
  },
};

interface Place {
  dir: string;
  /** Default `dir`. */
  logDir?: string;
  port: number;
}

/** Starts a server of ours: the program where there is one, else its image. */
async function startServer(
  kind: ServerKind,
  { dir, logDir = dir, port }: Place,
  options: {
    url: string;
    local: { command: string; args: (string | number)[]; user?: Account | undefined; wipe: () => void } | undefined;
    container: Omit<ContainerOptions, 'image' | 'mark' | 'port' | 'folder'>;
  },
): Promise<ServerProcess> {
  const { name, probe, stopSignal, deathSignal } = WAYS[kind];
  const { url, local, container } = options;
  const logFile = join(logDir, `${kind}.log`);
  const server = new ServerProcess({
    name,
    port,
    url,
    dataDir: dir,
    logFile,
    probe,
    ...(local
      ? { ...local, stopSignal, deathSignal, killSignal: 'SIGKILL', startSeconds: 20 }
      : {
          ...containerCommand(kind, { ...container, port, folder: dir }),
          stopSignal: 'SIGTERM',
          deathSignal: 'TERM',
          killSignal: 'SIGUSR2',
          startSeconds: 180, // an image may have to be fetched first
          wipe: () => forgetVolume(dir),
        }),
  });
  await server.start();
  return server;
}

/**
 * Superuser `postgres`, scram over TCP on 127.0.0.1, no unix socket. The data folder is made by the first start.
 * `durable: false` turns fsync off: survives a killed process, not a power cut.
 */
export async function startPostgres({
  password,
  durable = false,
  settings = {},
  ...place
}: Place & {
  password: string;
  durable?: boolean;
  settings?: Record<string, string | number>;
}): Promise<ServerProcess> {
  const postgres = program('postgres');
  const home = reachableFolder(place.dir);
  const dataDir = join(home, 'data');
  const lax = { fsync: 'off', full_page_writes: 'off', autovacuum_naptime: '60s' };
  const wanted = {
    max_connections: 200,
    ...(durable ? { shared_buffers: '256MB', max_wal_size: '4GB' } : lax),
    ...settings,
  };
  const flags = (extra: Record<string, string> = {}): string[] =>
    Object.entries({ ...wanted, ...extra }).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const user = postgres ? unprivilegedUser() : undefined;
  const initialize = (): void => {
    if (postgres) makeCluster(postgres, { home, dataDir, password, user, durable });
  };
  initialize();
  return await startServer(
    'postgres',
    { ...place, dir: home, logDir: place.logDir ?? home },
    {
      url: `postgres://postgres:${password}@127.0.0.1:${place.port}/postgres`,
      local: postgres
        ? {
            command: postgres,
            // prettier-ignore
            args: ['-D', dataDir, '-p', place.port, ...flags({ listen_addresses: '127.0.0.1', unix_socket_directories: '' })],
            user,
            wipe: () => {
              rmSync(dataDir, { recursive: true, force: true });
              initialize();
            },
          }
        : undefined,
      container: {
        containerPort: 5432,
        dataPath: '/var/lib/postgresql/data',
        env: {
          POSTGRES_PASSWORD: password,
          POSTGRES_INITDB_ARGS: `-E UTF8 --locale=C.UTF-8${durable ? '' : ' --no-sync'}`,
        },
        args: flags(),
      },
    },
  );
}

function makeCluster(
  postgres: string,
  {
    home,
    dataDir,
    password,
    user,
    durable,
  }: { home: string; dataDir: string; password: string; user: Account | undefined; durable: boolean },
): void {
  if (existsSync(join(dataDir, 'PG_VERSION'))) return;
  rmSync(dataDir, { recursive: true, force: true });
  makeFolder(dataDir, 0o700);
  const passwordFile = join(home, '.initial-password');
  rmSync(passwordFile, { force: true });
  writeFileSync(passwordFile, password, { mode: 0o600, flag: 'wx' });
  if (user) for (const path of [dataDir, passwordFile]) chownSync(path, user.uid, user.gid);
  const result = spawnSync(
    join(dirname(realpathSync(postgres)), 'initdb'),
    // prettier-ignore
    ['-D', dataDir, '-U', 'postgres', '-A', 'scram-sha-256', '--pwfile', passwordFile, '-E', 'UTF8',
      '--locale=C.UTF-8', '--no-instructions', ...(durable ? [] : ['--no-sync'])],
    { encoding: 'utf8', cwd: home, ...(user && { uid: user.uid, gid: user.gid }) },
  );
  rmSync(passwordFile, { force: true });
  if (result.status === 0) return;
  rmSync(dataDir, { recursive: true, force: true });
  throw new Error(`initdb failed: ${result.error?.message ?? result.stderr}`);
}

/** No eviction: BullMQ loses jobs otherwise. The append-only file is written each turn and synced each second. */
export async function startRedis({
  persistent = true,
  databases = 16,
  ...place
}: Place & { persistent?: boolean; databases?: number }): Promise<ServerProcess> {
  const redis = program('redis');
  const dataDir = makeFolder(join(makeFolder(place.dir), 'data'), 0o700);
  // prettier-ignore
  const settings = ['--databases', databases, '--save', '', '--appendonly', persistent ? 'yes' : 'no',
    '--appendfsync', 'everysec', '--maxmemory-policy', 'noeviction', '--daemonize', 'no'];
  return await startServer('redis', place, {
    url: `redis://127.0.0.1:${place.port}`,
    local: redis
      ? {
          command: redis,
          args: ['--port', place.port, '--bind', '127.0.0.1', '--dir', dataDir, ...settings],
          wipe: () => rmSync(join(dataDir, 'appendonlydir'), { recursive: true, force: true }),
        }
      : undefined,
    container: {
      containerPort: 6379,
      dataPath: '/data',
      args: ['redis-server', '--dir', '/data', '--protected-mode', 'no', ...settings],
    },
  });
}

/** JetStream on files. 8 MB per message: a carrier's largest webhook body with its envelope. */
export async function startNats(place: Place): Promise<ServerProcess> {
  const nats = program('nats');
  const store = makeFolder(join(makeFolder(place.dir), 'data'), 0o700);
  const config = (listen: string, storeDir: string): string =>
    `listen: "${listen}"\nserver_name: "strowger-${place.port}"\nmax_payload: 8MB\n` +
    `jetstream { store_dir: ${JSON.stringify(storeDir)} }\n`;
  const configFile = join(place.dir, 'nats.conf');
  if (nats) writeFileSync(configFile, config(`127.0.0.1:${place.port}`, store));
  return await startServer('nats', place, {
    url: `nats://127.0.0.1:${place.port}`,
    local: nats
      ? {
          command: nats,
          args: ['-c', configFile],
          wipe: () => rmSync(join(store, 'jetstream'), { recursive: true, force: true }),
        }
      : undefined,
    container: {
      containerPort: 4222,
      dataPath: '/data',
      args: ['-c', '/etc/strowger-nats.conf'],
      files: [{ target: '/etc/strowger-nats.conf', content: config('0.0.0.0:4222', '/data') }],
    },
  });
}
