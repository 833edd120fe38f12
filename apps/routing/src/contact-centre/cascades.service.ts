import { Injectable } from '@nestjs/common';
import type {
  ActingPerson,
  GroupDeletedV1,
  PortalUserDeletedV1,
  ResellerDeletedV1,
  SystemProviderDeletedV1,
} from '@strowger/contracts-hierarchy';
import { SYSTEM_ACTOR, type Actor } from '@strowger/kernel';
import { Db } from '@strowger/persistence';
import { EndingService } from './ending.service.js';

/** What hierarchy has deleted takes its queues, media streams and agent associations with it. Safe to repeat. */
@Injectable()
export class CascadesService {
  constructor(
    private readonly db: Db,
    private readonly ending: EndingService,
  ) {}

  async groupDeleted({ groupId, actor }: GroupDeletedV1): Promise<void> {
    await this.db.transactional(() => this.ending.node(actorOf(actor), 'group', groupId));
  }

  async resellerDeleted({ resellerId, actor }: ResellerDeletedV1): Promise<void> {
    await this.db.transactional(() => this.ending.node(actorOf(actor), 'reseller', resellerId));
  }

  async systemProviderDeleted({ systemProviderId, actor }: SystemProviderDeletedV1): Promise<void> {
    await this.db.transactional(() => this.ending.node(actorOf(actor), 'system-provider', systemProviderId));
  }

  async portalUserDeleted({ portalUserId, actor }: PortalUserDeletedV1): Promise<void> {
    await this.db.transactional(() => this.ending.portalUser(actorOf(actor), portalUserId));
  }
}

const actorOf = (person: ActingPerson | undefined): Actor => (person as Actor | undefined) ?? SYSTEM_ACTOR;
