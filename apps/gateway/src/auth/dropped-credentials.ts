import { setTimeout as wait } from 'node:timers/promises';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import {
  CREDENTIALS_DROPPED,
  CredentialsDropped,
  ENDED_SESSIONS_BUCKET,
  ENDED_SESSIONS_SECONDS,
} from '@strowger/contracts-hierarchy';
import { AppError, validated } from '@strowger/kernel';
import { kvBucket, Messaging, type KvMirror } from '@strowger/messaging';
import { guarded } from '@strowger/telemetry';

/** How long a request waits for the ended sessions to be read, after a start. */
const PATIENCE_MS = 2_000;

export class SessionsUnknown extends AppError {
  constructor() {
    super(
      'unavailable',
      'service-unavailable',
      'It is not known yet whether the session has ended. Try again shortly.',
    );
  }
}

/**
 * What hierarchy has ended. Sessions are in a bucket, which is read before any token of a session is taken. Keys are a
 * hint heard at once: where it was lost, a remembered key ends within seconds.
 */
@Injectable()
export class DroppedCredentials implements OnModuleDestroy {
  private readonly sessions: KvMirror<true>;
  private readonly keyListeners = new Set<(ids: readonly string[] | 'all') => void>();
  private read = false;

  constructor(messaging: Messaging) {
    this.sessions = kvBucket(messaging, ENDED_SESSIONS_BUCKET, { ttlSeconds: ENDED_SESSIONS_SECONDS }).mirror(
      () => true,
    );
    this.sessions.ready().then(
      () => (this.read = true),
      () => undefined,
    );
    let subscribed = false;
    messaging.onConnected(() => {
      this.dropKeys('all');
      if (subscribed) return;
      subscribed = true;
      messaging.nc.subscribe(CREDENTIALS_DROPPED, {
        callback: guarded('dropped-credentials', (error, message) => {
          if (!error) this.hear(validated(CredentialsDropped, message.json(), { unknown: 'ignored' }));
        }),
      });
    });
  }

  async onModuleDestroy(): Promise<void> {
    await this.sessions.stop();
  }

  /** @throws SessionsUnknown before the bucket could be read for the first time */
  async hasEnded(sessionId: string): Promise<boolean> {
    if (!this.read) await Promise.race([this.sessions.ready(), wait(PATIENCE_MS, undefined, { ref: false })]);
    if (!this.read) throw new SessionsUnknown();
    return this.sessions.get(sessionId) !== undefined;
  }

  onKeys(listener: (ids: readonly string[] | 'all') => void): void {
    this.keyListeners.add(listener);
  }

  private hear({ apiKeyIds = [] }: CredentialsDropped): void {
    if (apiKeyIds.length > 0) this.dropKeys(apiKeyIds);
  }

  private dropKeys(ids: readonly string[] | 'all'): void {
    for (const listener of this.keyListeners) listener(ids);
  }
}
