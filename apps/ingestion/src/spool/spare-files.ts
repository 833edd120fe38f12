import { open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { logger } from '@strowger/telemetry';

const log = logger('spool');
const NAME = /^(\d+)\.free$/;
const KEEP = 2;
const ZEROS = Buffer.alloc(1024 * 1024);

/**
 * Files for coming segments, full size, all blocks written. A sync after overwriting such a block has no metadata to write, so
 * it takes half the time and half the processor of one after appending. Settled segments come back here.
 */
export class SpareFiles {
  private readonly free: string[] = [];
  private making?: Promise<void>;
  private number = 0;
  private closed = false;

  private constructor(
    private readonly directory: string,
    private readonly bytes: number,
  ) {}

  static async open(directory: string, bytes: number): Promise<SpareFiles> {
    const spares = new SpareFiles(directory, bytes);
    // Their size and age are unknown, so new ones are made.
    for (const name of await readdir(directory)) if (NAME.test(name)) await unlink(join(directory, name));
    await spares.make();
    return spares;
  }

  /** Path of a file to be renamed; the next one is made meanwhile. */
  async take(): Promise<string> {
    if (this.making) await this.making.catch(() => undefined);
    if (this.free.length === 0) await this.make();
    const path = this.free.pop()!;
    if (this.free.length === 0) this.makeAhead();
    return path;
  }

  /** A file nobody needs any more. */
  async give(path: string): Promise<void> {
    const { size } = await stat(path);
    // A file that grew beyond its size is not kept.
    if (this.closed || this.free.length >= KEEP || size < this.bytes || size > 2 * this.bytes) return unlink(path);
    const spare = this.nextPath();
    await rename(path, spare);
    this.free.push(spare);
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.making?.catch(() => undefined);
    await Promise.all(this.free.splice(0).map((path) => unlink(path).catch(() => undefined)));
  }

  private makeAhead(): void {
    this.making ??= this.make()
      .catch((err: unknown) => log.warn({ err }, 'spool-spare-not-made'))
      .finally(() => (this.making = undefined));
  }

  private async make(): Promise<void> {
    const path = this.nextPath();
    const file = await open(path, 'wx', 0o600);
    try {
      for (let at = 0; at < this.bytes;) {
        const { bytesWritten } = await file.write(ZEROS, 0, Math.min(ZEROS.length, this.bytes - at), at);
        at += bytesWritten;
      }
      await file.sync();
      this.free.push(path);
    } catch (error) {
      await unlink(path).catch(() => undefined);
      throw error;
    } finally {
      await file.close();
    }
  }

  private nextPath(): string {
    return join(this.directory, `${String(++this.number)}.free`);
  }
}

/** Without it a power cut may lose the new file's name, and so all that is in it. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  await directory.sync().finally(() => directory.close());
}
