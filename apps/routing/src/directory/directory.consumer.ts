import { Inject } from '@nestjs/common';
import { MessagingEntitlementChangedV1, UserDeletedV1 } from '@strowger/contracts-hierarchy';
import {
  NumberActivatedV1,
  NumberReleasedV1,
  PlatformDeletedV1,
  PlatformSavedV1,
} from '@strowger/contracts-provisioning';
import { Consumer, Handles, type Received } from '@strowger/messaging';
import { InboundService } from '../inbound/inbound.service.js';
import { QuarantineService } from '../inbound/quarantine.service.js';
import { MessagesService } from '../messages/messages.service.js';
import { PlatformAccess } from './platform-access.js';
import { DirectoryService } from './directory.service.js';

/** Keeps what routing must know of numbers, licences and platforms, and lets through what had to wait for it. */
@Consumer('routing-directory')
export class DirectoryConsumer {
  constructor(
    @Inject(DirectoryService) private readonly directory: DirectoryService,
    @Inject(QuarantineService) private readonly quarantine: QuarantineService,
    @Inject(InboundService) private readonly inbound: InboundService,
    @Inject(MessagesService) private readonly messages: MessagesService,
    @Inject(PlatformAccess) private readonly access: PlatformAccess,
  ) {}

  @Handles(NumberActivatedV1)
  async onNumberActivated({ data, sequence }: Received<NumberActivatedV1>): Promise<void> {
    await this.directory.activate(data, sequence);
    await this.quarantine.releaseFor(data.platformId, data.e164);
  }

  @Handles(NumberReleasedV1)
  async onNumberReleased({ data, sequence }: Received<NumberReleasedV1>): Promise<void> {
    await this.directory.release(data.numberId, sequence);
    if (data.deleteMessages) await this.messages.deleteOfNumber(data.numberId);
  }

  @Handles(MessagingEntitlementChangedV1)
  async onEntitlementChanged({ data, sequence }: Received<MessagingEntitlementChangedV1>): Promise<void> {
    await this.directory.entitle(data.userId, data.entitled, sequence);
    if (data.entitled) await this.inbound.releaseHeld(data.userId);
  }

  /** The messages stay: they go with a number's release when that is asked for, or by retention. */
  @Handles(UserDeletedV1)
  async onUserDeleted({ data }: Received<UserDeletedV1>): Promise<void> {
    await this.directory.entitle(data.userId, false, Number.MAX_SAFE_INTEGER);
  }

  @Handles(PlatformSavedV1)
  async onPlatformSaved({ data, sequence }: Received<PlatformSavedV1>): Promise<void> {
    await this.directory.savePlatform(data, sequence);
    this.access.forget(data.platformId);
  }

  @Handles(PlatformDeletedV1)
  async onPlatformDeleted({ data, sequence }: Received<PlatformDeletedV1>): Promise<void> {
    await this.directory.deletePlatform(data.platformId, sequence);
    this.access.forget(data.platformId);
  }
}
