/**
 * The whole system on this machine: servers, databases, migrations, tools and services, each child with its log.
 * Used by start, demo, bench and fault tests, each in a folder and on ports of its own.
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
import { asRole, createDatabase, databaseExists, ensureServiceSchema, inDatabase, withClient } from './database.ts';
import { makeFolder, portIsFree, reachableFolder } from './machine.ts';
import { dieWithParent, lastLines } from './processes.mjs';
import type { ServerProcess } from './server-process.ts';
import { startNats, startPostgres, startRedis } from './servers.ts';
import {
  type DatabaseService,
  envOf,
  folderOf,
  hasDatabase,
  type Mode,
  OPERATOR_EMAIL,
  PORTS,
  type Ports,
  readyUrlOf,
  type Secrets,
  type ServerUrls,
  type ServiceEnv,
  type StackService,
  urlsOf,
  WAVES,
} from './service-env.ts';
import { LOCAL, REPOSITORY, SetupError } from './steps.mjs';

export type { StackService } from './service-env.ts';

const ROTATE_BYTES = 20 * 1024 * 1024;
/** A service that ends by itself so often within a minute will not get better by itself. */
const MOST_DEATHS = 5;
const DEATHS_WITHIN_MS = 60_000;
/** Before it is started again; twice as long each further time within the minute. */
const FIRST_PAUSE_MS = 250;
/** What a service gets of our own environment; anything else could change it in secret. */
const PASSED_ON = /^(PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|NODE_OPTIONS|NODE_EXTRA_CA_CERTS|OTEL_\w+|NO_COLOR|FORCE_COLOR)$/;

/** Readable by nobody else. */
function secretsIn(file: string): Secrets {
  const word = (): string => randomBytes(24).toString('base64url');
  const kept: Partial<Secrets> = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const secrets: Secrets = {
    keyring: `dev1:${randomBytes(32).toString('base64')}`,
    tokenSecret: randomBytes(48).toString('base64url'),
    operatorPassword: word(),
    postgres: word(),
    ...kept,
    roles: {
      hierarchy: word(),
      provisioning: word(),
      routing: word(),
      notification: word(),
      ...kept.roles,
    },
  };
  writeFileSync(file, JSON.stringify(secrets, null, 2), { mode: 0o600 });
  return secrets;
}

/** The first base, in steps of 100, where every port of the stack is free. */
async function freePorts(portBase: number): Promise<Ports> {
  for (let base = portBase; base < portBase + 2000; base += 100) {
    const ports = { ...PORTS };
    for (const name of Object.keys(PORTS) as (keyof Ports)[]) ports[name] += base;
    const free = await Promise.all(Object.values(ports).map(portIsFree));
    if (free.every(Boolean)) return ports;
  }
  throw new SetupError(`no free ports from ${portBase} up`, 'Choose another base: STROWGER_PORT_BASE=20000');
}

/** Forgets all data below `dataDir`, also where PostgreSQL had to live elsewhere. */
export function removeData(dataDir: string): void {
  if (!existsSync(dataDir)) return;
  const elsewhere = reachableFolder(join(dataDir, 'postgres'));
  rmSync(elsewhere, { recursive: true, force: true });
  rmSync(dataDir, { recursive: true, force: true });
}

export interface StackOptions {
  /** Folder for `data/`, `logs/` and `secrets.json`. */
  home: string;
  /** First base to try; default 27000. */
  portBase?: number;
  /** PostgreSQL with fsync. */
  durable?: boolean;
  /** Default all. */
  services?: readonly StackService[];
  /** Additions for all (`*`) or one service; they win. */
  env?: Partial<Record<StackService | '*', Record<string, string | number | undefined>>>;
  /** Servers to use instead of our own. */
  given?: { [url in keyof ServerUrls]?: string | undefined };
  mode?: Mode;
  /** Is given the stack before it starts anything. */
  created?: (stack: Stack) => void;
  /** Called once the servers run, before the databases are migrated; services it starts are not started again. */
  restore?: (stack: Stack) => Promise<void>;
  /** With it a service that ended by itself is started again, and this is called once it is ready. */
  restarted?: (service: StackService, how: number | string, child: StackChild) => void;
  /** Is given each part, for progress lines. */
  step?: <T>(title: string, work: () => Promise<T>) => Promise<T>;
}

/** @throws SetupError; everything that had been started is stopped then */
export async function startStack(options: StackOptions): Promise<Stack> {
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

export interface StackChild {
  name: string;
  pid: number;
  logFile: string;
  /** The end of what this process wrote, nothing of those before it. */
  endOfLog(): string;
  /** Exit code, or the signal that ended it. */
  exited: Promise<number | string>;
  kill(signal: NodeJS.Signals): void;
}

export class Stack {
  readonly home: string;
  readonly dataDir: string;
  readonly logDir: string;
  ports!: Ports;
  urls!: ReturnType<typeof urlsOf> & ServerUrls;
  /** The first operator's login. */
  operator!: { email: string; password: string };
  /** The server processes of this stack (not those given): PostgreSQL, Redis, NATS. */
  readonly servers: ServerProcess[] = [];
  /** The services that run. */
  readonly children = new Map<StackService, StackChild>();
  /** Settles with a SetupError when a server dies that nobody stopped, or a service that is not, or no longer, started again. */
  readonly failed: Promise<SetupError>;
  #options: Required<Pick<StackOptions, 'portBase' | 'durable' | 'services' | 'env' | 'given' | 'step'>> &
    Pick<StackOptions, 'mode' | 'restore' | 'restarted'>;
  #secrets!: Secrets;
  #serverUrls!: ServerUrls;
  #stopping: Promise<void> | undefined;
  #reportFailure!: (failure: SetupError) => void;
  /** When services ended by themselves, `Date.now()`, the last ones. */
  #deaths = new Map<StackService, number[]>();

  constructor({ home, portBase = 27_000, durable = false, services = WAVES.flat(), ...rest }: StackOptions) {
    const { env = {}, given = {}, mode, restore, restarted, step = (_title, work) => work() } = rest;
    this.#options = { portBase, durable, services, env, given, mode, restore, restarted, step };
    this.home = home;
    this.dataDir = join(home, 'data');
    this.logDir = join(home, 'logs');
    this.failed = new Promise((resolve) => (this.#reportFailure = resolve));
  }

  async start(): Promise<void> {
    const { step, services } = this.#options;
    for (const folder of [this.home, this.dataDir, this.logDir]) makeFolder(folder);
    this.#secrets = secretsIn(join(this.home, 'secrets.json'));
    this.operator = { email: OPERATOR_EMAIL, password: this.#secrets.operatorPassword };
    for (const service of services) this.#entryOf(service, 'main.js');
    await step('servers', () => this.#startServers());
    this.urls = { ...urlsOf(this.ports), ...this.#serverUrls };
    const withDatabase = services.filter(hasDatabase);
    if (withDatabase.length > 0) await step('databases', () => this.#migrate(withDatabase));
    await step('services', async () => {
      for (const wave of WAVES) {
        const missing = wave.filter((name) => services.includes(name) && !this.children.has(name));
        await Promise.all(missing.map((name) => this.startService(name)));
      }
      return `${services.length} ready`;
    });
  }

  #entryOf(service: StackService, file: string): string {
    const entry = join(folderOf(service), 'dist', file);
    if (existsSync(join(REPOSITORY, entry))) return entry;
    throw new SetupError(
      `${entry} is missing`,
      `Is there ${folderOf(service)}/src/${file.replace('.js', '.ts')}? Then: npm run build`,
    );
  }

  async #startServers(): Promise<string> {
    const { portBase, durable, given } = this.#options;
    this.ports = await freePorts(portBase);
    const ports = this.ports;
    const own = async (url: string | undefined, start: () => Promise<ServerProcess>): Promise<string> => {
      if (url) return url;
      const server = await start();
      this.servers.push(server);
      if (this.#stopping) await server.stop();
      server.onDeath = (how) => this.#died(server.name, how, server.logFile);
      return server.url;
    };
    const at = (name: 'postgres' | 'redis' | 'nats') => ({
      dir: join(this.dataDir, name),
      logDir: this.logDir,
      port: ports[name],
    });
    const started = [
      own(given.postgresUrl, () => startPostgres({ ...at('postgres'), password: this.#secrets.postgres, durable })),
      own(given.redisUrl, () => startRedis(at('redis'))),
      own(given.natsUrl, () => startNats(at('nats'))),
    ] as const;
    // All have started, or failed, before one that failed is reported: what runs must be known to be stopped.
    await Promise.allSettled(started);
    const [postgresUrl, redisUrl, natsUrl] = await Promise.all(started).catch((error: unknown) => {
      throw new SetupError(reasonOf(error));
    });
    this.#serverUrls = { postgresUrl, redisUrl, natsUrl };
    return `ports ${ports.gateway}–${ports.nats}`;
  }

  async #migrate(services: DatabaseService[]): Promise<void> {
    const admin = this.#serverUrls.postgresUrl;
    if (!(await withClient(admin, (client) => databaseExists(client, 'strowger'))))
      await createDatabase(admin, 'strowger');
    const database = inDatabase(admin, 'strowger');
    for (const service of services) await ensureServiceSchema(database, service, this.#secrets.roles[service]);
    await this.#options.restore?.(this);
    await Promise.all(
      services.map(async (service) => {
        const child = this.#spawn(`${service}-migrate`, this.#entryOf(service, 'migrate.js'), this.envOf(service));
        const how = await child.exited;
        if (how !== 0) throw new SetupError(`migrations of ${service} failed (${how}):\n${child.endOfLog()}`);
      }),
    );
  }

  databaseUrl(service: DatabaseService): string {
    const database = inDatabase(this.#serverUrls.postgresUrl, 'strowger');
    return asRole(database, service, this.#secrets.roles[service]);
  }

  /** The environment a service of this stack runs with. */
  envOf(service: StackService): ServiceEnv {
    const { env, mode } = this.#options;
    const servers = { ...this.#serverUrls, databaseUrl: (name: DatabaseService) => this.databaseUrl(name) };
    const own = envOf(service, { port: this.ports, servers, secrets: this.#secrets, dataDir: this.dataDir, mode });
    const passedOn = Object.entries(process.env).filter(([name]) => PASSED_ON.test(name));
    // A quarter of a service's start is compiling what was compiled before.
    const compiled = { NODE_COMPILE_CACHE: join(LOCAL, 'compile-cache') };
    return { ...Object.fromEntries(passedOn), ...compiled, ...own, ...env['*'], ...env[service] };
  }

  #spawn(name: string, entry: string, env: ServiceEnv): StackChild {
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
    const exited = new Promise<number | string>((resolve) => {
      child.once('exit', (code, signal) => resolve(signal ?? code ?? 'unknown'));
      child.once('error', (error) => resolve(error.message));
    });
    return {
      name,
      logFile,
      pid: child.pid ?? 0,
      exited,
      endOfLog: () => lastLines(logFile).split(mark).at(-1) ?? '',
      kill: (signal) => child.kill(signal),
    };
  }

  /** Starts one service and waits until it is ready; also to bring one back that a test killed. */
  async startService(service: StackService, timeoutMs = 60_000): Promise<StackChild> {
    if (this.#stopping) throw new SetupError('stopped while starting');
    const child = this.#spawn(service, this.#entryOf(service, 'main.js'), this.envOf(service));
    this.children.set(service, child);
    let ended: number | string | undefined;
    let ready = false;
    void child.exited.then((how) => {
      ended = how;
      if (this.children.get(service) !== child) return;
      this.children.delete(service);
      if (ready && this.#options.restarted) void this.#startAgain(service, how, child);
      // While it is being started again, its loop sees it.
      else if (!this.#deaths.has(service)) this.#died(service, how, child.logFile, child.endOfLog());
    });
    const url = readyUrlOf(service, this.ports);
    let last = 'no answer';
    for (const deadline = Date.now() + timeoutMs; Date.now() < deadline && !this.#stopping; await wait(40)) {
      if (ended !== undefined) throw new SetupError(`${service} ended (${ended}) while starting:\n${child.endOfLog()}`);
      try {
        const response = await fetch(url, { signal: AbortSignal.timeout(3000) });
        if (response.ok) {
          ready = true;
          return child;
        }
        last = `${response.status} ${(await response.text()).slice(0, 500)}`;
      } catch (error) {
        last = reasonOf(error);
      }
    }
    if (this.#stopping) throw new SetupError('stopped while starting');
    throw new SetupError(`${service} is not ready after ${timeoutMs / 1000} s: ${url}: ${last}\n${child.endOfLog()}`);
  }

  /** Keeps trying, with growing pauses, until it has ended too often to be of use. */
  async #startAgain(service: StackService, how: number | string, { logFile, endOfLog }: StackChild): Promise<void> {
    for (let end = endOfLog(); !this.#stopping;) {
      const now = Date.now();
      const deaths = [...(this.#deaths.get(service) ?? []).filter((at) => now - at < DEATHS_WITHIN_MS), now];
      this.#deaths.set(service, deaths);
      if (deaths.length >= MOST_DEATHS) {
        this.#died(service, `${how}, the ${MOST_DEATHS}th time within a minute`, logFile, end);
        return;
      }
      await wait(FIRST_PAUSE_MS * 2 ** (deaths.length - 1));
      if (this.#stopping) return;
      try {
        const child = await this.startService(service);
        this.#options.restarted?.(service, how, child);
        return;
      } catch (error) {
        end = reasonOf(error);
        await this.kill9(service);
      }
    }
  }

  /** SIGTERM, by force after `graceMs`. Returns how it ended. */
  async stopService(service: StackService, graceMs = 28_000): Promise<number | string | undefined> {
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
  async kill9(service: StackService): Promise<void> {
    const child = this.children.get(service);
    this.children.delete(service);
    child?.kill('SIGKILL');
    await child?.exited;
  }

  #died(name: string, how: number | string, logFile: string, end = lastLines(logFile)): void {
    if (this.#stopping) return;
    this.#reportFailure(new SetupError(`${name} ended by itself (${how}). End of ${logFile}:\n${end}`));
  }

  /** Stops everything it started, in reverse order. Safe to repeat. */
  stop(): Promise<void> {
    return (this.#stopping ??= this.#stopAll());
  }

  async #stopAll(): Promise<void> {
    await undefined; // so that #stopping is set before the first child ends
    for (const wave of [...WAVES].reverse()) await Promise.all(wave.map((service) => this.stopService(service)));
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  /** For a second Ctrl-C. */
  async kill(): Promise<void> {
    for (const child of this.children.values()) child.kill('SIGKILL');
    await Promise.all(this.servers.map((server) => server.kill9()));
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
