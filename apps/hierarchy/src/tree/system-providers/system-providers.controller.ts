import { Controller } from '@nestjs/common';
import {
  hierarchyRpc,
  type AddServerHostName,
  type ById,
  type CreateSystemProvider,
  type ListServerHostNames,
  type ListSystemProviders,
  type ProviderIdsView,
  type RemoveServerHostName,
  type ServerHostNameView,
  type SystemProviderView,
  type UpdateSystemProvider,
} from '@strowger/contracts-hierarchy';
import { Answers } from '@strowger/http';
import type { Page, RpcRequest } from '@strowger/kernel';
import { SystemProvidersService } from './system-providers.service.js';

@Controller()
export class SystemProvidersController {
  constructor(private readonly providers: SystemProvidersService) {}

  @Answers(hierarchyRpc.createSystemProvider)
  create(request: RpcRequest<CreateSystemProvider>): Promise<SystemProviderView> {
    return this.providers.create(request, request.body);
  }

  @Answers(hierarchyRpc.updateSystemProvider)
  update(request: RpcRequest<UpdateSystemProvider>): Promise<SystemProviderView> {
    return this.providers.update(request, request.body);
  }

  @Answers(hierarchyRpc.getSystemProvider)
  get(request: RpcRequest<ById>): Promise<SystemProviderView> {
    return this.providers.get(request, request.body.id);
  }

  @Answers(hierarchyRpc.listSystemProviders)
  list(request: RpcRequest<ListSystemProviders>): Promise<Page<SystemProviderView>> {
    return this.providers.list(request, request.body);
  }

  @Answers(hierarchyRpc.listProviderIds)
  async listIds(request: RpcRequest<ById>): Promise<ProviderIdsView> {
    return { ids: await this.providers.idsUnder(request.scope, request.body.id) };
  }

  @Answers(hierarchyRpc.addServerHostName)
  async addHostName(request: RpcRequest<AddServerHostName>): Promise<ServerHostNameView> {
    return (await this.providers.addHostName(request, request.body.id, request.body.hostName)).view();
  }

  @Answers(hierarchyRpc.removeServerHostName)
  async removeHostName(request: RpcRequest<RemoveServerHostName>): Promise<null> {
    await this.providers.removeHostName(request, request.body.id, request.body.hostName);
    return null;
  }

  @Answers(hierarchyRpc.listServerHostNames)
  listHostNames(request: RpcRequest<ListServerHostNames>): Promise<Page<ServerHostNameView>> {
    return this.providers.listHostNames(request, request.body);
  }
}
