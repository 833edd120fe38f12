import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from '../build.ts';
import { containerCommand } from './containers.ts';
import { freePort, isAlive, makeFolder, portIsFree } from './machine.ts';
import { dieWithParent, findBinary, lastLines } from './processes.mjs';
import { envOf, PORTS, readyUrlOf, type StackService, WAVES, WITH_DATABASE } from './service-env.ts';
import { REPOSITORY, SetupError, Steps } from './steps.mjs';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'setup-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('what runs before Node 24 and the packages are there', () => {
  it.each(['tools/run.mjs', 'tools/setup/steps.mjs', 'tools/setup/processes.mjs'])(
    '%s loads only Node itself and plain scripts',
    (path) => {
      const text = readFileSync(join(REPOSITORY, path), 'utf8');
      const loaded = [...text.matchAll(/^import .*from '(.*)';$/gm)].map(([, from]) => from);
      expect(loaded.length).toBeGreaterThan(0);
      expect(loaded.filter((from) => !/^node:|^\.\/.*\.mjs$/.test(from ?? ''))).toEqual([]);
    },
  );
});

describe('Steps', () => {
  let said: string;
  const out = { write: (text: string) => Boolean((said += text)) } as NodeJS.WriteStream;
  beforeEach(() => (said = ''));

  it('numbers the steps and shows a word about each result', async () => {
    const steps = new Steps(2, out);
    await steps.run('build', () => 'up to date');
    const found = await steps.run('Node 24', async () => ({ note: 'from npm', path: '/node' }));
    expect(found.path).toBe('/node');
    expect(said).toMatch(/^\[1\/2\] build … ok, up to date \(.* s\)\n\[2\/2\] Node 24 … ok, from npm \(.* s\)\n$/);
  });

  it('shows no numbers where the total is not known, and passes a failure on', async () => {
    const failing = new Steps(0, out).run('types', () => Promise.reject(new SetupError('no', 'do this')));
    await expect(failing).rejects.toMatchObject({ message: 'no', advice: 'do this' });
    expect(said).toMatch(/^types … failed \(.* s\)\n$/);
  });
});

describe('build', () => {
  const write = (path: string, text: string): void => {
    makeFolder(join(folder, path, '..'));
    writeFileSync(join(folder, path), text);
  };
  const built = (path: string): string => readFileSync(join(folder, path), 'utf8');
  beforeEach(() => {
    write('.swcrc', readFileSync(join(REPOSITORY, '.swcrc'), 'utf8'));
    write('libs/a/src/index.ts', 'export const one: number = 1;\n');
    write('libs/a/src/index.spec.ts', 'it.todo("");\n');
    write('libs/a/src/plain.json', '{}');
  });

  it('compiles sources, copies the rest, leaves specs out, and does nothing twice', async () => {
    expect(await build(folder)).toEqual({ compiled: 2, total: 2 });
    expect(built('libs/a/dist/index.js')).toContain('export const one = 1;');
    expect(built('libs/a/dist/plain.json')).toBe('{}');
    expect(existsSync(join(folder, 'libs/a/dist/index.spec.js'))).toBe(false);
    expect(await build(folder)).toEqual({ compiled: 0, total: 2 });
  });

  it('removes what has no source any more', async () => {
    await build(folder);
    rmSync(join(folder, 'libs/a/src/plain.json'));
    await build(folder);
    expect(existsSync(join(folder, 'libs/a/dist/plain.json'))).toBe(false);
  });

  it('names each file that does not compile', async () => {
    write('libs/a/src/broken.ts', 'const = ;\n');
    await expect(build(folder)).rejects.toThrow(/1 file\(s\) did not compile\nlibs\/a\/src\/broken\.ts/);
  });
});

describe('machine', () => {
  it('sees that a port is taken', async () => {
    const port = await freePort();
    expect(await portIsFree(port)).toBe(true);
    const server = createServer().listen(port, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    expect(await portIsFree(port)).toBe(false);
    await new Promise((resolve) => server.close(resolve));
  });

  it('knows a living process', () => {
    expect(isAlive(process.pid)).toBe(true);
    expect(isAlive(2 ** 30)).toBe(false);
  });

  it('finds programs and wraps them so that they end with us', () => {
    expect(findBinary('no-such-program', 'sh')).toMatch(/\/sh$/);
    expect(findBinary('no-such-program')).toBeUndefined();
    expect(dieWithParent('TERM', 'server', ['--port', 1]).args).toEqual(expect.arrayContaining(['--port', '1']));
  });

  it('shows the end of a log, and nothing of one that is missing', () => {
    mkdirSync(join(folder, 'logs'));
    writeFileSync(join(folder, 'logs/x.log'), 'a\nb\nc\n');
    expect(lastLines(join(folder, 'logs/x.log'), 2)).toBe('b\nc');
    expect(lastLines(join(folder, 'logs/y.log'))).toBe('');
  });
});

describe('containers', () => {
  it('run as a program of ours that is given the image, the port and the folder of the data', () => {
    const place = { port: 7, containerPort: 6379, folder: '/data/redis', dataPath: '/data', args: ['redis-server'] };
    const { command, args } = containerCommand('redis', place);
    expect(command).toBe(process.execPath);
    expect(JSON.parse(args[1] ?? '')).toMatchObject({ ...place, image: expect.stringContaining('redis') });
  });
});

describe('the environment of a stack', () => {
  const services = WAVES.flat();
  const secrets = {
    keyring: 'k:1',
    tokenSecret: 't',
    operatorPassword: 'o',
    postgres: 'p',
    roles: { hierarchy: 'h', provisioning: 'p', routing: 'r', notification: 'n' },
  };
  const servers = {
    postgresUrl: 'postgres://127.0.0.1:20',
    redisUrl: 'redis://127.0.0.1:21',
    natsUrl: 'nats://127.0.0.1:22',
    databaseUrl: (service: string) => `postgres://${service}@127.0.0.1:20/strowger`,
  };
  const env = (service: StackService) => envOf(service, { port: PORTS, servers, secrets, dataDir: '/data' });

  it('gives each service a Redis database of its own, and a schema to those that have one', () => {
    const urls = services.map((service) => env(service)['REDIS_URL']).filter(Boolean);
    expect(urls).toHaveLength(6);
    expect(new Set(urls).size).toBe(6);
    expect(services.filter((service) => env(service)['DATABASE_URL'])).toEqual(WITH_DATABASE);
  });

  it('knows for each where it is ready', () => {
    const ready = services.map((service) => readyUrlOf(service, PORTS));
    expect(new Set(ready).size).toBe(services.length);
  });
});
