import type { InboxTransaction } from '@strowger/messaging';
import type { CloudEvent } from '@strowger/kernel';
import { sql } from 'kysely';
import type { Db } from './db.js';

/** Records (consumer, event id) in the transaction of the effect: an event's effect happens once, however often it comes. */
export class Inbox implements InboxTransaction {
  constructor(private readonly db: Db) {}

  async run(consumer: string, event: CloudEvent, handle: () => Promise<void>): Promise<'handled' | 'duplicate'> {
    return await this.db.transactional(
      async () => {
        // Waits for a concurrent handler of the same event, and sees its commit.
        const fresh = await this.db.query(
          sql`insert into inbox (consumer, event_id) values (${consumer}, ${event.id}) on conflict do nothing returning event_id`,
        );
        if (fresh.length === 0) return 'duplicate';
        await handle();
        return 'handled';
      },
      { cause: event },
    );
  }

  async runMany(
    consumer: string,
    events: readonly CloudEvent[],
    handle: (fresh: ReadonlySet<string>) => Promise<void>,
  ): Promise<ReadonlySet<string>> {
    // In order, so that two processes with the same redelivered facts wait for each other and don't deadlock.
    const ids = [...new Set(events.map(({ id }) => id))].sort();
    return await this.db.transactional(async () => {
      const rows = await this.db.query<{ event_id: string }>(
        sql`insert into inbox (consumer, event_id) select ${consumer}, id from unnest(${ids}::text[]) as id
          on conflict do nothing returning event_id`,
      );
      const fresh = new Set(rows.map((row) => row.event_id));
      if (fresh.size > 0) await handle(fresh);
      return fresh;
    });
  }
}
