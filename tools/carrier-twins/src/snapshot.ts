/** Keeps the world in a file: saved a second after a change at the earliest, and at the stop. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isRecord } from './twin.js';
import type { World } from './world.js';

interface Snapshot {
  version: 2;
  clockOffsetMs: number;
  /** By kind. */
  twins: Record<string, unknown>;
}

const SAVE_AFTER_MS = 1000;

export class SnapshotFile {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly world: World,
    private readonly file: string,
  ) {}

  open(): void {
    if (existsSync(this.file)) restore(this.world, JSON.parse(readFileSync(this.file, 'utf8')));
    this.world.onChange = () => {
      this.timer ??= setTimeout(() => this.save(), SAVE_AFTER_MS).unref();
    };
  }

  save(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    mkdirSync(dirname(this.file), { recursive: true });
    // Written whole and then renamed, so that a crash leaves the old one.
    writeFileSync(`${this.file}.new`, JSON.stringify(capture(this.world)), { mode: 0o600 });
    renameSync(`${this.file}.new`, this.file);
  }

  close(): void {
    this.world.onChange = undefined;
    this.save();
  }
}

const capture = (world: World): Snapshot => ({
  version: 2,
  clockOffsetMs: world.clock.now() - Date.now(),
  twins: Object.fromEntries([...world.twins.values()].map((twin) => [twin.kind, twin.save()])),
});

/** A file that is not the twins' own changes nothing. */
function restore(world: World, file: unknown): void {
  if (!isRecord(file) || typeof file['clockOffsetMs'] !== 'number') return;
  const twins = file['version'] === 1 ? ofVersion1(file) : file['twins'];
  if (!isRecord(twins)) return;
  world.clock.reset(file['clockOffsetMs']);
  for (const twin of world.twins.values()) twin.restore(twins[twin.kind]);
}

/** Before the twins were kept apart the file was Restcomm's, with Message Exchange in a field of it. */
const ofVersion1 = (file: Record<string, unknown>): Record<string, unknown> => ({
  restcomm: { switches: file['switches'], store: file },
  'message-exchange': { switches: file['switches'], store: file['exchange'] },
});
