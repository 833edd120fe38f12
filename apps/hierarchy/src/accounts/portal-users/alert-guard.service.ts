import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import { hierarchyRpc, type HoldAlertGuard, type ReleaseAlertGuard } from '@strowger/contracts-hierarchy';
import { Clock, NotFound, type RpcRequest } from '@strowger/kernel';
import { Db } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { NodesService } from '../../nodes/nodes.service.js';
import { seenBy } from '../../visibility.js';
import { AlertHold } from './alert-hold.entity.js';
import { AlertRecipients } from './alert-recipients.service.js';
import { NoAlertRecipient } from './portal-user.errors.js';

/**
 * Keeps "a platform exists" and "someone receives alerts" true together. Both a hold and a change of portal users lock
 * the system provider's row first and look afterwards, so neither can slip between the other's look and its commit.
 */
@Injectable()
export class AlertGuard {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly nodes: NodesService,
    private readonly recipients: AlertRecipients,
  ) {}

  /** Safe to repeat. */
  @Answers(hierarchyRpc.holdAlertGuard)
  async hold({ scope, body: { systemProviderId, platformId } }: RpcRequest<HoldAlertGuard>): Promise<null> {
    await this.db.transactional(async (em) => {
      const provider = await this.nodes.lockProvider(scope, systemProviderId);
      const held = await em.findOne(AlertHold, { platformId });
      if (held && held.systemProviderId !== provider.id) throw new NotFound('platform', platformId);
      if (held) return;
      const recipients = await this.recipients.of(em, provider.id);
      if (recipients.length === 0) throw new NoAlertRecipient(provider.id);
      em.persist(
        Object.assign(new AlertHold(), { platformId, systemProviderId: provider.id, createdAt: this.clock.now() }),
      );
    });
    return null;
  }

  /** Safe to repeat; what the scope doesn't hold stays as it is. */
  @Answers(hierarchyRpc.releaseAlertGuard)
  async release({ scope, body: { platformId } }: RpcRequest<ReleaseAlertGuard>): Promise<null> {
    const within = scope.level === 'platform' ? {} : seenBy(scope, { 'system-provider': 'systemProviderId' });
    if ('id' in within) return null;
    await this.db.transactional((em) => em.nativeDelete(AlertHold, { $and: [within, { platformId }] }));
    return null;
  }

  /** True when the provider must keep at least one recipient. The caller has locked the provider's row. */
  async isHeld(em: EntityManager, systemProviderId: string): Promise<boolean> {
    return (await em.findOne(AlertHold, { systemProviderId })) !== null;
  }
}
