import { Injectable } from '@nestjs/common';
import { ENDED_SESSIONS_BUCKET, ENDED_SESSIONS_SECONDS } from '@strowger/contracts-hierarchy';
import { Timers } from '@strowger/jobs';
import { Clock } from '@strowger/kernel';
import { kvBucket, Messaging, type KvBucket } from '@strowger/messaging';
import { Db, sql } from '@strowger/persistence';
import { guarded, inBackground, logger } from '@strowger/telemetry';

const log = logger('hierarchy');
const RETRY_SECONDS = 5;

/**
 * Lists for the gateways which sessions have ended, in a bucket that they read when they start and then follow. Kept there
 * until the last access token of the session has expired. The table is the truth: what a crash or an absence of NATS
 * kept from the bucket is written on the next connect.
 */
@Injectable()
export class EndedSessions {
  private readonly bucket: KvBucket;
  private readonly unwritten = new Set<string>();

  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    messaging: Messaging,
    timers: Timers,
  ) {
    this.bucket = kvBucket(messaging, ENDED_SESSIONS_BUCKET, { ttlSeconds: ENDED_SESSIONS_SECONDS });
    messaging.onConnected(guarded('ended-sessions', () => this.writeRecent()));
    timers.everySeconds(RETRY_SECONDS, 'ended-sessions', () => this.write());
  }

  /** Returns at once. */
  add(sessionIds: readonly string[]): void {
    for (const id of sessionIds) this.unwritten.add(id);
    inBackground('ended-sessions', this.write());
  }

  private async write(): Promise<void> {
    for (const id of this.unwritten) {
      try {
        await this.bucket.put(id, '');
        this.unwritten.delete(id);
      } catch (err) {
        log.warn({ err, sessions: this.unwritten.size }, 'ended-sessions-not-written');
        return;
      }
    }
  }

  private async writeRecent(): Promise<void> {
    const since = new Date(this.clock.now().getTime() - ENDED_SESSIONS_SECONDS * 1000);
    const rows = await this.db.query(sql<{ id: string }>`
      select distinct family_id as id from session
      where revoked_at > ${since}`);
    this.add(rows.map(({ id }) => id));
  }
}
