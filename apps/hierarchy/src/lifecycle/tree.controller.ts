import { Controller } from '@nestjs/common';
import {
  hierarchyRpc,
  type ById,
  type DeletionPreview,
  type DeletionView,
  type EnsurePath,
  type PathView,
  type SearchHit,
  type SearchTree,
} from '@strowger/contracts-hierarchy';
import { Answers } from '@strowger/http';
import type { Page, RpcRequest } from '@strowger/kernel';
import { DeletionsService } from './deletions/deletions.service.js';
import { PathsService } from '../tree/paths/paths.service.js';
import { SearchService } from '../tree/search/search.service.js';

@Controller()
export class TreeController {
  constructor(
    private readonly paths: PathsService,
    private readonly deletions: DeletionsService,
    private readonly search: SearchService,
  ) {}

  @Answers(hierarchyRpc.ensurePath)
  ensurePath(request: RpcRequest<EnsurePath>): Promise<PathView> {
    return this.paths.ensure(request, request.body);
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

  @Answers(hierarchyRpc.searchTree)
  searchTree(request: RpcRequest<SearchTree>): Promise<Page<SearchHit>> {
    return this.search.search(request, request.body);
  }
}
