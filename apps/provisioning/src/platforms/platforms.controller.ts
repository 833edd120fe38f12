import { Controller, Inject } from '@nestjs/common';
import {
  provisioningRpc as rpc,
  type CreatePlatform,
  type PlatformAccessView,
  type PlatformView,
  type UpdatePlatform,
} from '@strowger/contracts-provisioning';
import { Answers } from '@strowger/http';
import type { RpcRequest } from '@strowger/kernel';
import { PlatformsService } from './platforms.service.js';

@Controller()
export class PlatformsController {
  constructor(@Inject(PlatformsService) private readonly platforms: PlatformsService) {}

  @Answers(rpc.createPlatform)
  create(request: RpcRequest<CreatePlatform>): Promise<PlatformView> {
    return this.platforms.create(request, request.body);
  }

  @Answers(rpc.updatePlatform)
  update(request: RpcRequest<UpdatePlatform>): Promise<PlatformView> {
    return this.platforms.update(request, request.body);
  }

  @Answers(rpc.getPlatform)
  get(request: RpcRequest<rpc.ById>): Promise<PlatformView> {
    return this.platforms.get(request, request.body.id);
  }

  @Answers(rpc.listPlatforms)
  list(request: RpcRequest<rpc.ListPlatforms>): Promise<PlatformView[]> {
    return this.platforms.list(request, request.body.systemProviderId);
  }

  @Answers(rpc.deletePlatform)
  async delete(request: RpcRequest<rpc.ById>): Promise<null> {
    await this.platforms.delete(request, request.body.id);
    return null;
  }

  @Answers(rpc.verifyPlatform)
  verify(request: RpcRequest<rpc.ById>): Promise<PlatformView> {
    return this.platforms.verify(request, request.body.id);
  }

  @Answers(rpc.rotateWebhook)
  rotateWebhook(request: RpcRequest<rpc.ById>): Promise<PlatformView> {
    return this.platforms.rotateWebhook(request, request.body.id);
  }

  @Answers(rpc.getPlatformAccess)
  access(request: RpcRequest<rpc.ById>): Promise<PlatformAccessView> {
    return this.platforms.access(request, request.body.id);
  }
}
