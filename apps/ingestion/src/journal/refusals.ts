import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AppError } from '@strowger/kernel';
import { counter, logger } from '@strowger/telemetry';
import type { SpoolEntry } from '../spool/records.js';

const log = logger('journal');
const refused = counter(
  'ingestion_refused_by_stream_total',
  'Deliveries the stream will not take; each is kept as a file for a person.',
);
/** A limit of the stream may be lifted by the next try; a delivery that is refused three times is refused for good. */
const TRIES = 3;

/** Deliveries that the stream refuses, such as one larger than the server takes. */
export class Refusals {
  private readonly tries = new Map<string, number>();

  constructor(private readonly directory: string) {}

  isFinal(deliveryId: string): boolean {
    const tries = (this.tries.get(deliveryId) ?? 0) + 1;
    this.tries.set(deliveryId, tries);
    return tries >= TRIES;
  }

  /** Writes the event to `<directory>/<delivery id>.json`. */
  async keep(entry: SpoolEntry, reason: AppError): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    const path = join(this.directory, `${entry.key}.json`);
    await writeFile(path, entry.payload, { mode: 0o600, flush: true });
    this.tries.delete(entry.key);
    refused.inc();
    log.error({ deliveryId: entry.key, path, err: reason }, 'delivery-refused-by-stream');
  }
}
