/**
 * PostgreSQL, Redis and NATS, each in a folder and on a port of our own: from programs of this machine, else by Docker.
 * Plain Node ≥ 20 without packages; `libs/testing` uses it too. Types: servers.d.mts.
 */
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { dockerAnswers, inContainer } from './docker.mjs';
import { answers, findBinary, makeFolder, reachableFolder, ServerProcess } from './server-process.mjs';

export {
  dieWithParent,
  findBinary,
  freePort,
  isAlive,
  lastLines,
  makeFolder,
  portIsFree,
  reachableFolder,
  ServerProcess,
} from './server-process.mjs';

const SERVERS = {
  postgres: { names: ['postgres'], need: [15, 0], title: 'PostgreSQL' },
  redis: { names: ['redis-server', 'valkey-server'], need: [7, 0], title: 'Redis' },
  nats: { names: ['nats-server'], need: [2, 9], title: 'nats-server' },
};

/** For each server: where it is, its version, and whether that version will do. */
export function findServers() {
  return Object.fromEntries(
    Object.entries(SERVERS).map(([key, { names, need: oldest, title }]) => {
      const path = findBinary(...names);
      const need = oldest.join('.').replace(/\.0$/, '');
      if (!path) return [key, { title, need, usable: false }];
      const text = spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout ?? '';
      const version = /(\d+)\.(\d+)/.exec(text);
      const [major, minor] = [Number(version?.[1]), Number(version?.[2])];
      const usable = major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
      return [key, { title, need, path, version: version?.[0], usable }];
    }),
  );
}

const programs = new Map();
/** The program, if it is here and new enough; looked up once it is found. */
function program(kind) {
  if (!programs.get(kind))
    for (const [key, { path, usable }] of Object.entries(findServers())) programs.set(key, usable && path);
  return programs.get(kind);
}

/** PostgreSQL refuses to run as root, so root hands it to another account. */
function unprivilegedUser() {
  if (process.getuid() !== 0) return undefined;
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const fields = lines.find((line) => line.startsWith(`${name}:`))?.split(':');
    if (fields) return { name, uid: Number(fields[2]), gid: Number(fields[3]) };
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

const COMMON = {
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

async function started(options) {
  const server = new ServerProcess(options);
  await server.start();
  return server;
}

function noServer(kind) {
  const { title, need } = SERVERS[kind];
  return new Error(
    `${title} ≥ ${need.join('.')} is not installed and no Docker daemon answers; npm test and npm start install it`,
  );
}

/**
 * Superuser `postgres`, scram over TCP on 127.0.0.1, no unix socket. The data folder is made by the first start.
 * `durable: false` turns fsync off: survives a killed process, not a power cut.
 */
export async function startPostgres({ dir, logDir, port, password, durable = false, settings = {} }) {
  const postgres = program('postgres');
  if (!postgres && !dockerAnswers()) throw noServer('postgres');
  const home = reachableFolder(dir);
  const dataDir = join(home, 'data');
  const lax = { fsync: 'off', full_page_writes: 'off', autovacuum_naptime: '60s' };
  const wanted = {
    max_connections: 200,
    ...(durable ? { shared_buffers: '256MB', max_wal_size: '4GB' } : lax),
    ...settings,
  };
  const flags = (extra) => Object.entries({ ...wanted, ...extra }).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const common = {
    ...COMMON.postgres,
    dataDir: home,
    logFile: join(logDir ?? home, 'postgres.log'),
    port,
    url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
  };
  if (!postgres) {
    makeFolder(dataDir, 0o700);
    const container = inContainer('postgres', {
      port,
      containerPort: 5432,
      mounts: [[dataDir, '/var/lib/postgresql/data']],
      passEnv: ['POSTGRES_PASSWORD', 'POSTGRES_INITDB_ARGS'],
      args: flags({}),
    });
    const env = { POSTGRES_PASSWORD: password, POSTGRES_INITDB_ARGS: '-E UTF8 --locale=C.UTF-8' };
    const wipe = () => rmSync(dataDir, { recursive: true, force: true });
    return started({ ...common, ...container, env, wipe: () => (wipe(), makeFolder(dataDir, 0o700)) });
  }
  const user = unprivilegedUser();
  initialise(postgres, home, dataDir, password, user, durable);
  return started({
    ...common,
    command: postgres,
    args: ['-D', dataDir, '-p', port, ...flags({ listen_addresses: '127.0.0.1', unix_socket_directories: '' })],
    user,
    wipe: () => {
      rmSync(dataDir, { recursive: true, force: true });
      initialise(postgres, home, dataDir, password, user, durable);
    },
  });
}

function initialise(postgres, home, dataDir, password, user, durable) {
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
export async function startRedis({ dir, logDir, port, persistent = true, databases = 16 }) {
  const redis = program('redis');
  if (!redis && !dockerAnswers()) throw noServer('redis');
  const home = makeFolder(dir);
  const dataDir = makeFolder(join(home, 'data'), 0o700);
  // prettier-ignore
  const settings = ['--databases', databases, '--save', '', '--appendonly', persistent ? 'yes' : 'no',
    '--appendfsync', 'everysec', '--maxmemory-policy', 'noeviction', '--daemonize', 'no'];
  const container = () =>
    inContainer('redis', {
      port,
      containerPort: 6379,
      mounts: [[dataDir, '/data']],
      args: ['redis-server', '--protected-mode', 'no', ...settings],
    });
  const local = () => ({
    command: redis,
    args: ['--port', port, '--bind', '127.0.0.1', '--dir', dataDir, ...settings],
  });
  return started({
    ...COMMON.redis,
    ...(redis ? local() : container()),
    dataDir: home,
    logFile: join(logDir ?? home, 'redis.log'),
    port,
    url: `redis://127.0.0.1:${port}`,
    wipe: () => rmSync(join(dataDir, 'appendonlydir'), { recursive: true, force: true }),
  });
}

/** JetStream on files. 8 MB per message: a carrier's largest webhook body with its envelope. */
export async function startNats({ dir, logDir, port }) {
  const nats = program('nats');
  if (!nats && !dockerAnswers()) throw noServer('nats');
  const home = makeFolder(dir);
  const store = makeFolder(join(home, 'data'), 0o700);
  const configFile = join(home, 'nats.conf');
  const [listen, storeDir] = nats ? [`127.0.0.1:${port}`, store] : ['0.0.0.0:4222', '/data'];
  writeFileSync(
    configFile,
    `listen: "${listen}"\nserver_name: "strowger-${port}"\nmax_payload: 8MB\n` +
      `jetstream { store_dir: ${JSON.stringify(storeDir)} }\n`,
  );
  const container = () =>
    inContainer('nats', {
      port,
      containerPort: 4222,
      mounts: [
        [store, '/data'],
        [configFile, '/nats.conf:ro'],
      ],
      args: ['-c', '/nats.conf'],
    });
  return started({
    ...COMMON.nats,
    ...(nats ? { command: nats, args: ['-c', configFile] } : container()),
    dataDir: home,
    logFile: join(logDir ?? home, 'nats.log'),
    port,
    url: `nats://127.0.0.1:${port}`,
    wipe: () => rmSync(join(store, 'jetstream'), { recursive: true, force: true }),
  });
}
