import {
  GroupDeletedV1,
  MessagingEntitlementChangedV1,
  PortalUserDeletedV1,
  PortalUserSavedV1,
  ResellerDeletedV1,
  SystemProviderDeletedV1,
  UserDeletedV1,
  UserSavedV1,
} from '@strowger/contracts-hierarchy';
import {
  NumberActivatedV1,
  NumberReleasedV1,
  PlatformDeletedV1,
  PlatformSavedV1,
} from '@strowger/contracts-provisioning';
import { Consumer, Handles, HandlesMany, type Received } from '@strowger/messaging';
import { AgentsService } from './contact-centre/agents.service.js';
import { CascadesService } from './contact-centre/cascades.service.js';
import { QuarantineService } from './inbound/quarantine.service.js';
import { MessageStore } from './messages/message.store.js';
import { PlatformAccess } from './directory/platform-access.js';
import { DirectoryService } from './directory/directory.service.js';

/**
 * Keeps what routing must know of numbers, users, licenses and platforms, releases what waited for it, and ends what
 * belonged to something deleted. One consumer for all of it: a second one would receive every fact of hierarchy again.
 */
@Consumer('routing-directory')
export class DirectoryConsumer {
  constructor(
    private readonly directory: DirectoryService,
    private readonly quarantine: QuarantineService,
    private readonly messages: MessageStore,
    private readonly access: PlatformAccess,
    private readonly cascades: CascadesService,
    private readonly agents: AgentsService,
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
    if (data.entitled) await this.messages.releaseHeld(data.userId);
  }

  @HandlesMany(UserSavedV1)
  async onUsersSaved(users: Received<UserSavedV1>[]): Promise<void> {
    await this.directory.place(users);
  }

  /** The messages stay: they go with a number's release when that is asked for, or by retention. */
  @HandlesMany(UserDeletedV1)
  async onUsersDeleted(users: Received<UserDeletedV1>[]): Promise<void> {
    await this.directory.forget(users.map(({ data }) => data.userId));
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

  @Handles(GroupDeletedV1)
  async onGroupDeleted({ data }: Received<GroupDeletedV1>): Promise<void> {
    await this.cascades.groupDeleted(data);
  }

  @Handles(ResellerDeletedV1)
  async onResellerDeleted({ data }: Received<ResellerDeletedV1>): Promise<void> {
    await this.cascades.resellerDeleted(data);
  }

  @Handles(SystemProviderDeletedV1)
  async onSystemProviderDeleted({ data }: Received<SystemProviderDeletedV1>): Promise<void> {
    await this.cascades.systemProviderDeleted(data);
  }

  @Handles(PortalUserSavedV1)
  async onPortalUserSaved({ data, sequence }: Received<PortalUserSavedV1>): Promise<void> {
    await this.agents.saved(data, sequence);
  }

  @Handles(PortalUserDeletedV1)
  async onPortalUserDeleted({ data }: Received<PortalUserDeletedV1>): Promise<void> {
    await this.cascades.portalUserDeleted(data);
  }
}
