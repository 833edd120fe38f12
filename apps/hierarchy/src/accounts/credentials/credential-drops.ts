import { Injectable } from '@nestjs/common';
import { CREDENTIALS_DROPPED, CredentialsDropped } from '@strowger/contracts-hierarchy';
import { validated } from '@strowger/kernel';
import { Messaging } from '@strowger/messaging';
import { Db } from '@strowger/persistence';
import { guarded, logger } from '@strowger/telemetry';
import { EndedSessions } from './ended-sessions.js';

const log = logger('hierarchy');

type Listener = (dropped: CredentialsDropped | 'everything') => void;

/**
 * Asks every process that remembers verified credentials (replicas of this service, the gateways) to forget some. A
 * NATS core push is a hint and may be lost: who listens must also look for itself now and then, and forget everything
 * when its connection comes back. Sessions that ended are no hint: they are kept in a bucket.
 */
@Injectable()
export class CredentialDrops {
  private readonly listeners = new Set<Listener>();
  private subscribed = false;

  constructor(
    private readonly db: Db,
    private readonly messaging: Messaging,
    private readonly endedSessions: EndedSessions,
  ) {
    messaging.onConnected(() => this.connected());
  }

  /** This process hears it before the transaction's caller goes on; the others right after. */
  afterCommit({ sessionIds = [], ...dropped }: CredentialsDropped & { sessionIds?: string[] }): void {
    this.db.afterCommit(() => {
      if (sessionIds.length > 0) this.endedSessions.add(sessionIds);
      if (Object.keys(dropped).length > 0) this.announce(dropped);
    });
  }

  onDropped(listener: Listener): void {
    this.listeners.add(listener);
  }

  private announce(dropped: CredentialsDropped): void {
    this.hear(dropped);
    if (this.messaging.connected) this.messaging.nc.publish(CREDENTIALS_DROPPED, JSON.stringify(dropped));
  }

  private hear(dropped: CredentialsDropped | 'everything'): void {
    for (const listener of this.listeners) listener(dropped);
  }

  private connected(): void {
    this.hear('everything');
    if (this.subscribed) return;
    this.subscribed = true;
    this.messaging.nc.subscribe(CREDENTIALS_DROPPED, {
      callback: guarded('credential-drops', (error, message) => {
        if (error) return log.error({ err: error }, 'credential-drops-not-heard');
        this.hear(validated(CredentialsDropped, message.json(), { unknown: 'ignored' }));
      }),
    });
  }
}
