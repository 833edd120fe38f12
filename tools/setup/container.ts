/**
 * A server in a container, run in the foreground: as a program of its own that lasts as long as the container, so that
 * whoever starts it can treat it like any server program. SIGTERM stops the container, SIGUSR2 kills it. Docker is
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
    if (!existsSync(Labels[MARK_LABEL] ?? '')) await dockerode.getVolume(Name).remove().catch(ignoreInUse);
  await dockerode.createVolume({ Name: name, Labels: { [MARK_LABEL]: mark } });
  writeFileSync(mark, `${name}\n`);
  return name;
}

/** Another run removes it, or still uses it: the next one will see. */
function ignoreInUse(error: unknown): void {
  if (!(error instanceof Error && 'statusCode' in error && [404, 409].includes(Number(error.statusCode)))) throw error;
}

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
process.on('SIGTERM', () => void running.stop({ t: 9 }).catch(ignoreInUse));
process.on('SIGUSR2', () => void running.kill({ signal: 'SIGKILL' }).catch(ignoreInUse));
const { StatusCode } = await running.wait();
await running.remove({ force: true }).catch(ignoreInUse);
process.exit(StatusCode);
