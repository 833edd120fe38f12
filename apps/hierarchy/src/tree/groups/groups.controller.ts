import { Controller } from '@nestjs/common';
import {
  hierarchyRpc,
  type ById,
  type CreateGroup,
  type GroupView,
  type UpdateGroup,
  type ListUnder,
} from '@strowger/contracts-hierarchy';
import { Answers } from '@strowger/http';
import type { Page, RpcRequest } from '@strowger/kernel';
import { GroupsService } from './groups.service.js';

@Controller()
export class GroupsController {
  constructor(private readonly groups: GroupsService) {}

  @Answers(hierarchyRpc.createGroup)
  create(request: RpcRequest<CreateGroup>): Promise<GroupView> {
    return this.groups.create(request, request.body);
  }

  @Answers(hierarchyRpc.updateGroup)
  update(request: RpcRequest<UpdateGroup>): Promise<GroupView> {
    return this.groups.update(request, request.body);
  }

  @Answers(hierarchyRpc.getGroup)
  get(request: RpcRequest<ById>): Promise<GroupView> {
    return this.groups.get(request, request.body.id);
  }

  @Answers(hierarchyRpc.listGroups)
  list(request: RpcRequest<ListUnder>): Promise<Page<GroupView>> {
    return this.groups.list(request, request.body);
  }
}
