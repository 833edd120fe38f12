import { Injectable } from '@nestjs/common';
import { CREDENTIALS_DROPPED, CredentialsDropped } from '@strowger/contracts-hierarchy';
import { validated } from '@strowger/kernel';
import { Messaging } from '@strowger/messaging';
import { guarded } from '@strowger/telemetry';
import { GatewayConfig } from '../config.js';

/**
 * Sessions and keys that hierarchy has ended, heard at once. A hint: where it was lost, an access token ends by its
 * time and a remembered key within seconds.
 */
@Injectable()
export class DroppedCredentials {
  /** Ended sessions, until their last access token has expired. */
  private readonly sessions = new Map<string, number>();
  private readonly keyListeners = new Set<(ids: readonly string[] | 'all') => void>();

  constructor(
    messaging: Messaging,
    private readonly config: GatewayConfig,
  ) {
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

  hasEnded(sessionId: string): boolean {
    return this.sessions.has(sessionId);
  }

  onKeys(listener: (ids: readonly string[] | 'all') => void): void {
    this.keyListeners.add(listener);
  }

  private hear({ sessionIds = [], apiKeyIds = [] }: CredentialsDropped): void {
    const now = Date.now();
    for (const [id, until] of this.sessions) {
      if (until > now) break; // the oldest first
      this.sessions.delete(id);
    }
    for (const id of sessionIds) this.sessions.set(id, now + this.config.accessTokenSeconds * 1000);
    if (apiKeyIds.length > 0) this.dropKeys(apiKeyIds);
  }

  private dropKeys(ids: readonly string[] | 'all'): void {
    for (const listener of this.keyListeners) listener(ids);
  }
}
