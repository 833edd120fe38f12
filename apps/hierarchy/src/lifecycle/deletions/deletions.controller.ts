import { Controller } from '@nestjs/common';
import { hierarchyRpc, type ById, type DeletionPreview, type DeletionView } from '@strowger/contracts-hierarchy';
import { Answers } from '@strowger/http';
import type { RpcRequest } from '@strowger/kernel';
import { DeletionsService } from './deletions.service.js';

@Controller()
export class DeletionsController {
  constructor(private readonly deletions: DeletionsService) {}

  @Answers(hierarchyRpc.deleteSystemProvider)
  async deleteSystemProvider(request: RpcRequest<ById>): Promise<null> {
    await this.deletions.deleteSystemProvider(request, request.body.id);
    return null;
  }

  @Answers(hierarchyRpc.deleteReseller)
  deleteReseller(request: RpcRequest<ById>): Promise<DeletionView> {
    return this.deletions.deleteReseller(request, request.body.id);
  }

  @Answers(hierarchyRpc.deleteGroup)
  deleteGroup(request: RpcRequest<ById>): Promise<DeletionView> {
    return this.deletions.deleteGroup(request, request.body.id);
  }

  @Answers(hierarchyRpc.deleteUser)
  deleteUser(request: RpcRequest<ById>): Promise<DeletionView> {
    return this.deletions.deleteUser(request, request.body.id);
  }

  @Answers(hierarchyRpc.getDeletion)
  getDeletion(request: RpcRequest<ById>): Promise<DeletionView> {
    return this.deletions.get(request, request.body.id);
  }

  @Answers(hierarchyRpc.previewResellerDeletion)
  previewReseller(request: RpcRequest<ById>): Promise<DeletionPreview> {
    return this.deletions.previewReseller(request, request.body.id);
  }

  @Answers(hierarchyRpc.previewGroupDeletion)
  previewGroup(request: RpcRequest<ById>): Promise<DeletionPreview> {
    return this.deletions.previewGroup(request, request.body.id);
  }

  @Answers(hierarchyRpc.previewUserDeletion)
  previewUser(request: RpcRequest<ById>): Promise<DeletionPreview> {
    return this.deletions.previewUser(request, request.body.id);
  }
}
