import { Injectable } from '@nestjs/common';
import type { OperationsBy, ParametersOf } from '@strowger/contracts-hierarchy';
import type { RpcContext } from '@strowger/kernel';
import { NaturalKeysService, type NaturalKeys } from '../tree/natural-keys.service.js';
import type { Targets } from './operations.js';
import { PortalUsersOperations, type PortalUserLevel } from './portal-users.operations.js';

type Mine = OperationsBy<'routing'>;
type QueueKeys = NaturalKeys & { resellerId: string };

/** Queues, media streams and agents are routing's; here their level, the portal user and the caller are found for it. */
@Injectable()
export class ContactCentreOperations implements Targets<Mine> {
  constructor(
    private readonly keys: NaturalKeysService,
    private readonly portalUsers: PortalUsersOperations,
  ) {}

  AddQueue = this.level;
  GetQueues = this.level;
  UpdateQueue = this.level;
  DeleteQueue = this.level;
  AddMediaStream = this.level;
  GetMediaStreams = this.level;
  UpdateMediaStream = this.level;
  DeleteMediaStream = this.level;
  AddGroupAgentAssociation = this.agent;
  DeleteGroupAgentAssociation = this.agent;

  async GetGroupAgentAssociations(context: RpcContext, given: ParametersOf<'GetGroupAgentAssociations'>) {
    const { systemProviderId, resellerId, groupId } = await this.keys.group(context, given);
    const users = await this.portalUsers.at({ level: 'reseller', nodeId: resellerId, systemProviderId });
    const portalUserNames = Object.fromEntries(users.map(({ id, portalUserName }) => [id, portalUserName]));
    return { systemProviderId, resellerId, groupId, portalUserNames };
  }

  private async level(context: RpcContext, given: QueueKeys) {
    const { systemProviderId, resellerId, groupId } = await this.keys.resellerOrGroup(context, given);
    return { systemProviderId, resellerId, ...(groupId && { groupId }) };
  }

  private async agent(context: RpcContext, given: ParametersOf<'AddGroupAgentAssociation'>) {
    const { systemProviderId, resellerId, groupId } = await this.keys.group(context, given);
    const ofReseller: PortalUserLevel = { level: 'reseller', nodeId: resellerId, systemProviderId };
    const { id: portalUserId } = await this.portalUsers.named(ofReseller, given.portalUserName);
    return { systemProviderId, resellerId, groupId, portalUserId };
  }
}
