/**
 * A server in a container, run in the foreground: as a program of its own that lasts as long as the container, so that it
 * can be treated like any server program. SIGTERM stops the container, SIGUSR2 kills it. Docker is
 * found as Testcontainers finds it; Podman by DOCKER_HOST.
 */
import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GenericContainer, getContainerRuntimeClient, StartupCheckStrategy } from 'testcontainers';
import type { ContainerOptions } from './containers.ts';

const FOLDER_LABEL = 'strowger.folder';
const MARK_LABEL = 'strowger.mark';

class LocalContainer extends GenericContainer {
  /** No other machine may reach it. */
  onlyHere(): this {
    const bindings = Object.values<{ HostIp?: string }[]>(this.hostConfig.PortBindings).flat();
    for (const binding of bindings) binding.HostIp = '127.0.0.1';
    return this;
  }
}

/** We ask the server itself whether it is ready. */
class Started extends StartupCheckStrategy {
  override checkStartupState = () => Promise.resolve('SUCCESS' as const);
}

const options: ContainerOptions = JSON.parse(process.argv[2] ?? '{}');
const { container: engine } = await getContainerRuntimeClient();
const { dockerode } = engine;

/** One that outlived its program would still write to the data. */
async function removeEarlier(): Promise<void> {
  const filters = { label: [`${FOLDER_LABEL}=${options.folder}`] };
  for (const { Id } of await dockerode.listContainers({ all: true, filters }))
    await engine.getById(Id).remove({ force: true });
}

/** The data are in a volume that belongs to a folder of ours, by a mark in it; when the mark has gone, they go. */
async function volume(): Promise<string> {
  const mark = join(options.folder, options.mark);
  const name = `strowger-${createHash('sha256').update(mark).digest('hex').slice(0, 16)}`;
  const { Volumes } = await dockerode.listVolumes({ filters: { label: [MARK_LABEL] } });
  for (const { Name, Labels } of Volumes)
    if (!existsSync(Labels[MARK_LABEL] ?? '')) await dockerode.getVolume(Name).remove().catch(ignoreGone);
  await dockerode.createVolume({ Name: name, Labels: { [MARK_LABEL]: mark } });
  writeFileSync(mark, `${name}\n`);
  return name;
}

/** Has gone already, or another run uses it. */
function ignoreGone(error: unknown): void {
  if (!(error instanceof Error && 'statusCode' in error && [404, 409].includes(Number(error.statusCode)))) throw error;
}

/** A signal may come while the container is about to start: its server can answer before we hear of it. */
let asked: NodeJS.Signals | undefined;
let obey = (): void => {};
for (const signal of ['SIGTERM', 'SIGUSR2'] as const)
  process.on(signal, () => {
    asked = signal;
    obey();
  });

await removeEarlier();
const started = await new LocalContainer(options.image)
  .withAutoCleanup(false) // Testcontainers' own cleaner is one more image to fetch; this program ends with its parent
  .withLabels({ [FOLDER_LABEL]: options.folder })
  .withExposedPorts({ container: options.containerPort, host: options.port })
  .onlyHere()
  .withBindMounts([{ source: await volume(), target: options.dataPath }])
  .withCopyContentToContainer(options.files ?? [])
  .withEnvironment(options.env ?? {})
  .withCommand(options.args.map(String))
  .withLogConsumer((log) => log.pipe(process.stdout))
  .withWaitStrategy(new Started())
  .start();
const running = engine.getById(started.getId());
obey = () =>
  void (asked === 'SIGTERM' ? running.stop({ t: 9 }) : running.kill({ signal: 'SIGKILL' })).catch(ignoreGone);
if (asked) obey();
const { StatusCode } = await running.wait();
await running.remove({ force: true }).catch(ignoreGone);
process.exit(StatusCode);
