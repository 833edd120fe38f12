import { Controller } from '@nestjs/common';
import {
  hierarchyRpc,
  type EnsurePath,
  type PathView,
  type SearchHit,
  type SearchTree,
} from '@strowger/contracts-hierarchy';
import { Answers } from '@strowger/http';
import type { Page, RpcRequest } from '@strowger/kernel';
import { PathsService } from './paths/paths.service.js';
import { SearchService } from './search/search.service.js';

@Controller()
export class TreeController {
  constructor(
    private readonly paths: PathsService,
    private readonly search: SearchService,
  ) {}

  @Answers(hierarchyRpc.ensurePath)
  ensurePath(request: RpcRequest<EnsurePath>): Promise<PathView> {
    return this.paths.ensure(request, request.body);
  }

  @Answers(hierarchyRpc.searchTree)
  searchTree(request: RpcRequest<SearchTree>): Promise<Page<SearchHit>> {
    return this.search.search(request, request.body);
  }
}
