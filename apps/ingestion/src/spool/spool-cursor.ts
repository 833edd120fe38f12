import type { SpoolEntry } from './records.js';
import { lastSeqOf, SegmentReader, type Segment } from './segment.js';

/** Walks over the segments from a sequence on; follows them as they grow. */
export class SpoolCursor {
  private reader?: SegmentReader;
  private segment?: Segment;

  constructor(
    private readonly segments: readonly Segment[],
    private seq: number,
  ) {}

  /** Up to `maxEntries` entries with the next sequences, or none when everything on disk has been read. */
  async next(maxEntries: number): Promise<SpoolEntry[]> {
    for (;;) {
      if (!this.reader) {
        this.segment = this.segments.find((segment) => lastSeqOf(segment) >= this.seq);
        if (!this.segment) return [];
        this.reader = await SegmentReader.open(this.segment);
      }
      const { entries } = await this.reader.next(maxEntries);
      const wanted = entries.filter((entry) => entry.seq >= this.seq);
      if (wanted.length > 0) this.seq = wanted.at(-1)!.seq + 1;
      if (wanted.length > 0) return wanted;
      if (entries.length > 0) continue;
      if (this.segment === this.segments.at(-1) || this.seq <= lastSeqOf(this.segment!)) return [];
      await this.close();
    }
  }

  async close(): Promise<void> {
    const { reader } = this;
    this.reader = undefined;
    await reader?.close();
  }
}
