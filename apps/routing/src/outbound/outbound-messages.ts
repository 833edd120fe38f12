import { Injectable } from '@nestjs/common';
import { Jobs } from '@strowger/jobs';
import { Db } from '@strowger/persistence';
import { logger } from '@strowger/telemetry';
import type { MessageRow } from '../messages/message.js';
import { MessageStore, type NewOutbound } from '../messages/message.store.js';
import { drainPlatform } from './drain.jobs.js';

const log = logger('outbound');

/** Puts messages in line. The row is the queue of record; the job only says that there is something in it. */
@Injectable()
export class OutboundMessages {
  constructor(
    private readonly db: Db,
    private readonly messages: MessageStore,
    private readonly jobs: Jobs,
  ) {}

  /** Stores the message as `queued` and shows it to its user. Joins the caller's transaction; a known id changes nothing. */
  async queue(message: NewOutbound): Promise<MessageRow> {
    return this.db.transactional(async () => {
      const row = await this.messages.queue(message);
      if (!row) return (await this.messages.find(message.id))!;
      this.wake(row.platformId);
      return row;
    });
  }

  /** After the commit: something is due at the platform. Lost with Redis, it is found by the sweep. */
  wake(platformId: string): void {
    this.db.afterCommit(() => {
      if (this.waking.has(platformId)) return;
      this.waking.add(platformId);
      // One job for all that commits in this turn.
      setImmediate(() => {
        this.waking.delete(platformId);
        this.jobs
          .add(drainPlatform, { platformId })
          .catch((error: unknown) => log.warn({ platformId, err: error }, 'drain-not-queued'));
      });
    });
  }

  private readonly waking = new Set<string>();
}
