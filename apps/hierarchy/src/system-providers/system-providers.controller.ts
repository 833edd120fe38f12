import { Controller } from '@nestjs/common';
import {
  hierarchyRpc,
  type ById,
  type CreateSystemProvider,
  type ListQuery,
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
  list(request: RpcRequest<ListQuery>): Promise<Page<SystemProviderView>> {
    return this.providers.list(request, request.body);
  }
}
