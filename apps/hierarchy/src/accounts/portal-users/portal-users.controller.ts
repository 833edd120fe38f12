import { Controller } from '@nestjs/common';
import {
  hierarchyRpc,
  type ById,
  type CreatePortalUser,
  type HoldAlertGuard,
  type ListUnder,
  type PortalUserView,
  type ReleaseAlertGuard,
  type UpdatePortalUser,
} from '@strowger/contracts-hierarchy';
import { Answers } from '@strowger/http';
import type { Page, RpcRequest } from '@strowger/kernel';
import { AlertGuard } from './alert-guard.service.js';
import { PortalUsersService } from './portal-users.service.js';

@Controller()
export class PortalUsersController {
  constructor(
    private readonly portalUsers: PortalUsersService,
    private readonly guard: AlertGuard,
  ) {}

  @Answers(hierarchyRpc.createPortalUser)
  create(request: RpcRequest<CreatePortalUser>): Promise<PortalUserView> {
    return this.portalUsers.create(request, request.body);
  }

  @Answers(hierarchyRpc.updatePortalUser)
  update(request: RpcRequest<UpdatePortalUser>): Promise<PortalUserView> {
    return this.portalUsers.update(request, request.body);
  }

  @Answers(hierarchyRpc.getPortalUser)
  get(request: RpcRequest<ById>): Promise<PortalUserView> {
    return this.portalUsers.get(request, request.body.id);
  }

  @Answers(hierarchyRpc.listPortalUsers)
  list(request: RpcRequest<ListUnder>): Promise<Page<PortalUserView>> {
    return this.portalUsers.list(request, request.body);
  }

  @Answers(hierarchyRpc.deletePortalUser)
  async delete(request: RpcRequest<ById>): Promise<null> {
    await this.portalUsers.delete(request, request.body.id);
    return null;
  }

  @Answers(hierarchyRpc.lockPortalUser)
  lockOut(request: RpcRequest<ById>): Promise<PortalUserView> {
    return this.portalUsers.lockOut(request, request.body.id);
  }

  @Answers(hierarchyRpc.unlockPortalUser)
  unlock(request: RpcRequest<ById>): Promise<PortalUserView> {
    return this.portalUsers.unlock(request, request.body.id);
  }

  @Answers(hierarchyRpc.holdAlertGuard)
  async hold(request: RpcRequest<HoldAlertGuard>): Promise<null> {
    await this.guard.hold(request, request.body);
    return null;
  }

  @Answers(hierarchyRpc.releaseAlertGuard)
  async release(request: RpcRequest<ReleaseAlertGuard>): Promise<null> {
    await this.guard.release(request, request.body.platformId);
    return null;
  }
}
