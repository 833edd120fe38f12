/**
 * The whole system on this machine: servers, databases, migrations, tools and services, each child with its log.
 * Used by start, demo, bench and fault tests, each in a folder and on ports of its own. Types: stack.d.mts.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { envOf, folderOf, OPERATOR_EMAIL, PORTS, readyUrlOf, urlsOf, WAVES, WITH_DATABASE } from './service-env.mjs';
import {
  dieWithParent,
  lastLines,
  makeFolder,
  portIsFree,
  reachableFolder,
  startNats,
  startPostgres,
  startRedis,
} from './servers.mjs';
import { REPOSITORY, SetupError } from './steps.mjs';

const ROTATE_BYTES = 20 * 1024 * 1024;
/** What a service gets of our own environment; anything else could change it in secret. */
const PASSED_ON = /^(PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|NODE_OPTIONS|NODE_EXTRA_CA_CERTS|OTEL_\w+|NO_COLOR|FORCE_COLOR)$/;

/** Each made once, readable by nobody else; they keep stored secrets and sessions valid over restarts. */
function secretsIn(file) {
  const word = () => randomBytes(24).toString('base64url');
  const kept = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const secrets = {
    keyring: `dev1:${randomBytes(32).toString('base64')}`,
    tokenSecret: randomBytes(48).toString('base64url'),
    operatorPassword: word(),
    postgres: word(),
    ...kept,
    roles: { ...Object.fromEntries(WITH_DATABASE.map((service) => [service, word()])), ...kept.roles },
  };
  writeFileSync(file, JSON.stringify(secrets, null, 2), { mode: 0o600 });
  return secrets;
}

/** The first base, in steps of 100, where every port of the stack is free. */
async function freePorts(portBase) {
  for (let base = portBase; base < portBase + 2000; base += 100) {
    const ports = Object.fromEntries(Object.entries(PORTS).map(([name, offset]) => [name, base + offset]));
    const free = await Promise.all(Object.values(ports).map(portIsFree));
    if (free.every(Boolean)) return ports;
  }
  throw new SetupError(`no free ports from ${portBase} up`, 'Choose another base: STROWGER_PORT_BASE=20000');
}

/** Forgets all data below `dataDir`, also where PostgreSQL had to live elsewhere. */
export function removeData(dataDir) {
  if (!existsSync(dataDir)) return;
  const elsewhere = reachableFolder(join(dataDir, 'postgres'));
  rmSync(elsewhere, { recursive: true, force: true });
  rmSync(dataDir, { recursive: true, force: true });
}

/**
 * @param options.home folder for `data/`, `logs/` and `secrets.json`
 * @param options.portBase first base to try (default 27000)
 * @param options.durable PostgreSQL with fsync
 * @param options.services which to run; default all
 * @param options.env additions, for all (`{ '*': {…} }`) or one service (`{ routing: {…} }`)
 * @param options.given servers to use instead of our own: `{ postgresUrl, redisUrl, natsUrl }`
 * @param options.step `(title, work) => work()`; told of each part, for progress lines
 * @param options.created told of the stack before it starts anything
 * @throws SetupError; whatever had been started is stopped then
 */
export async function startStack(options) {
  const stack = new Stack(options);
  options.created?.(stack);
  try {
    await stack.start();
  } catch (error) {
    await stack.stop();
    throw error;
  }
  return stack;
}

class Stack {
  #options;
  #stopping;
  #reportFailure;
  servers = [];
  children = new Map();

  constructor({ home, portBase = 27_000, durable = false, services = WAVES.flat(), env = {}, given = {}, step, mode }) {
    this.#options = { portBase, durable, services, env, given, mode, step: step ?? ((_title, work) => work()) };
    this.home = home;
    this.dataDir = join(home, 'data');
    this.logDir = join(home, 'logs');
    /** Settles with a SetupError when a child dies that nobody stopped. */
    this.failed = new Promise((resolve) => (this.#reportFailure = resolve));
  }

  async start() {
    const { step, services } = this.#options;
    for (const folder of [this.home, this.dataDir, this.logDir]) makeFolder(folder);
    this.secrets = secretsIn(join(this.home, 'secrets.json'));
    this.operator = { email: OPERATOR_EMAIL, password: this.secrets.operatorPassword };
    for (const service of services) this.#entryOf(service, 'main.js');
    await step('servers', () => this.#startServers());
    this.urls = { ...urlsOf(this.ports), ...this.serverUrls };
    const withDatabase = services.filter((service) => WITH_DATABASE.includes(service));
    if (withDatabase.length > 0) await step('databases', () => this.#migrate(withDatabase));
    await step('services', async () => {
      for (const wave of WAVES) {
        await Promise.all(wave.filter((name) => services.includes(name)).map((name) => this.startService(name)));
      }
      return `${services.length} ready`;
    });
  }

  #entryOf(service, file) {
    const entry = join(folderOf(service), 'dist', file);
    if (existsSync(join(REPOSITORY, entry))) return entry;
    throw new SetupError(
      `${entry} is missing`,
      `Is there ${folderOf(service)}/src/${file.replace('.js', '.ts')}? Then: npm run build`,
    );
  }

  async #startServers() {
    const { portBase, durable, given } = this.#options;
    this.ports = await freePorts(portBase);
    const { secrets, ports } = this;
    const own = async (url, start) => {
      if (url) return url;
      const server = await start();
      this.servers.push(server);
      if (this.#stopping) await server.stop();
      server.onDeath = (how) => this.#died(server.name, how, server.logFile);
      return server.url;
    };
    const at = (name) => ({ dir: join(this.dataDir, name), logDir: this.logDir, port: ports[name] });
    const results = await Promise.allSettled([
      own(given.postgresUrl, () => startPostgres({ ...at('postgres'), password: secrets.postgres, durable })),
      own(given.redisUrl, () => startRedis(at('redis'))),
      own(given.natsUrl, () => startNats(at('nats'))),
    ]);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw new SetupError(failed.reason.message);
    const [postgresUrl, redisUrl, natsUrl] = results.map((result) => result.value);
    this.serverUrls = { postgresUrl, redisUrl, natsUrl };
    return `ports ${ports.gateway}–${ports.nats}`;
  }

  async #migrate(services) {
    const { asRole, createDatabase, databaseExists, ensureServiceSchema, inDatabase, withClient } =
      await import('./database.mjs');
    const admin = this.serverUrls.postgresUrl;
    if (!(await withClient(admin, (client) => databaseExists(client, 'strowger'))))
      await createDatabase(admin, 'strowger');
    const database = inDatabase(admin, 'strowger');
    for (const service of services) await ensureServiceSchema(database, service, this.secrets.roles[service]);
    this.databaseUrl = (service) => asRole(database, service, this.secrets.roles[service]);
    await Promise.all(
      services.map(async (service) => {
        const child = this.#spawn(`${service}-migrate`, this.#entryOf(service, 'migrate.js'), this.envOf(service));
        const how = await child.exited;
        if (how !== 0) throw new SetupError(`migrations of ${service} failed (${how}):\n${child.endOfLog()}`);
      }),
    );
  }

  /** The environment a service of this stack runs with. */
  envOf(service) {
    const { env, mode } = this.#options;
    const servers = { ...this.serverUrls, databaseUrl: this.databaseUrl };
    const own = envOf(service, { port: this.ports, servers, secrets: this.secrets, dataDir: this.dataDir, mode });
    const passedOn = Object.entries(process.env).filter(([name]) => PASSED_ON.test(name));
    return { ...Object.fromEntries(passedOn), ...own, ...env['*'], ...env[service] };
  }

  #spawn(name, entry, env) {
    const logFile = join(this.logDir, `${name}.log`);
    if ((statSync(logFile, { throwIfNoEntry: false })?.size ?? 0) > ROTATE_BYTES) renameSync(logFile, `${logFile}.1`);
    const log = openSync(logFile, 'a', 0o600);
    const mark = `--- ${name} starts ${new Date().toISOString()}\n`;
    writeSync(log, mark);
    const preload = join(REPOSITORY, 'libs/telemetry/dist/preload.js');
    const isApp = entry.startsWith('apps/') && entry.endsWith('main.js');
    // V8 lets garbage grow into whatever the machine has; a service lives in far less. And under steady load it may take what
    // every request allocates for long-lived: then every other collection is a full one.
    const args = [
      '--enable-source-maps',
      '--no-allocation-site-pretenuring',
      '--max-semi-space-size=16',
      '--max-old-space-size=384',
      ...(isApp && existsSync(preload) ? ['--import', preload] : []),
      entry,
    ];
    const wrapped = dieWithParent('TERM', process.execPath, args);
    const text = Object.fromEntries(
      Object.entries(env).map(([key, value]) => [key, value === undefined ? value : String(value)]),
    );
    const child = spawn(wrapped.command, wrapped.args, {
      cwd: REPOSITORY,
      env: text,
      stdio: ['ignore', log, log],
      detached: true, // Ctrl-C reaches only us: we choose the order of stopping
    });
    closeSync(log);
    const exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve(signal ?? code));
      child.once('error', (error) => resolve(error.message));
    });
    /** The end of what this process wrote, nothing of those before it. */
    const endOfLog = () => lastLines(logFile).split(mark).at(-1);
    return { name, logFile, endOfLog, pid: child.pid, exited, kill: (signal) => child.kill(signal) };
  }

  /** Starts one service and waits until it is ready; also to bring one back that a test killed. */
  async startService(service, timeoutMs = 60_000) {
    if (this.#stopping) throw new SetupError('stopped while starting');
    const child = this.#spawn(service, this.#entryOf(service, 'main.js'), this.envOf(service));
    this.children.set(service, child);
    let ended;
    child.exited.then((how) => {
      ended = how;
      if (this.children.get(service) !== child) return;
      this.children.delete(service);
      this.#died(service, how, child.logFile, child.endOfLog());
    });
    const url = readyUrlOf(service, this.ports);
    let last = 'no answer';
    for (const deadline = Date.now() + timeoutMs; Date.now() < deadline && !this.#stopping; await wait(40)) {
      if (ended !== undefined) throw new SetupError(`${service} ended (${ended}) while starting:\n${child.endOfLog()}`);
      try {
        const response = await fetch(url, { signal: AbortSignal.timeout(3000) });
        if (response.ok) return child;
        last = `${response.status} ${(await response.text()).slice(0, 500)}`;
      } catch (error) {
        last = error.cause?.message ?? error.message;
      }
    }
    if (this.#stopping) throw new SetupError('stopped while starting');
    throw new SetupError(`${service} is not ready after ${timeoutMs / 1000} s: ${url}: ${last}\n${child.endOfLog()}`);
  }

  /** SIGTERM, by force after `graceMs`. Answers how it ended. */
  async stopService(service, graceMs = 28_000) {
    const child = this.children.get(service);
    if (!child) return undefined;
    this.children.delete(service);
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    const how = await child.exited;
    clearTimeout(timer);
    return how;
  }

  /** Sudden death of one service. */
  async kill9(service) {
    const child = this.children.get(service);
    this.children.delete(service);
    child?.kill('SIGKILL');
    await child?.exited;
  }

  #died(name, how, logFile, end = lastLines(logFile)) {
    if (this.#stopping) return;
    this.#reportFailure(new SetupError(`${name} ended by itself (${how}). End of ${logFile}:\n${end}`));
  }

  /** Stops everything it started, in reverse order. Safe to repeat. */
  stop() {
    return (this.#stopping ??= this.#stopAll());
  }

  async #stopAll() {
    await undefined; // so that #stopping is set before the first child ends
    for (const wave of [...WAVES].reverse()) await Promise.all(wave.map((service) => this.stopService(service)));
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  /** For a second Ctrl-C. */
  async kill() {
    for (const child of this.children.values()) child.kill('SIGKILL');
    await Promise.all(this.servers.map((server) => server.kill9()));
  }
}
