/** Puts messages in line. The row is the queue of record. */
import { Injectable } from '@nestjs/common';
import { Batched } from '@strowger/kernel';
import { Db } from '@strowger/persistence';
import { QueueStore, type NewOutbound, type Queued } from '../messages/queue.store.js';
import { SenderWakes } from './sender-wakes.js';

/** The most texts of one statement; what arrives while it runs goes into the next. */
const MOST_TEXTS = 512;

@Injectable()
export class OutboundMessages {
  private readonly batches = new Batched((texts: NewOutbound[]) => this.addAll(texts), {
    most: MOST_TEXTS,
    onFailure: 'each',
  });

  constructor(
    private readonly db: Db,
    private readonly store: QueueStore,
    private readonly wakes: SenderWakes,
  ) {}

  /** Queued together with other texts of this moment, in a transaction of their own; don't call it inside one. A known id changes nothing. */
  submit(text: NewOutbound): Promise<Queued> {
    return this.batches.add(text);
  }

  /** In the caller's transaction. */
  async queue(text: NewOutbound): Promise<Queued> {
    const [queued] = await this.store.add([text]);
    if (queued?.verdict === 'queued') this.wake(queued.message.platformId);
    return queued!;
  }

  /** After the commit: something is due at the platform. */
  wake(platformId: string): void {
    this.db.afterCommit(() => this.wakes.wake(platformId));
  }

  /** The same id twice in one moment: the second finds the first. */
  private async addAll(texts: readonly NewOutbound[]): Promise<Queued[]> {
    const firsts = new Map<string, NewOutbound>();
    for (const text of texts) if (!firsts.has(text.id)) firsts.set(text.id, text);
    const stored = await this.store.add([...firsts.values()]);
    const byText = new Map([...firsts.values()].map((text, i) => [text, stored[i]!]));
    const platforms = new Set(stored.flatMap((one) => (one.verdict === 'queued' ? [one.message.platformId] : [])));
    for (const platformId of platforms) this.wakes.wake(platformId);
    const repeats = texts.filter((text) => firsts.get(text.id) !== text);
    const again = repeats.length > 0 ? await this.addAll(repeats) : [];
    repeats.forEach((text, i) => byText.set(text, again[i]!));
    return texts.map((text) => byText.get(text)!);
  }
}
