import { Controller } from '@nestjs/common';
import {
  hierarchyRpc,
  type ById,
  type CreateReseller,
  type ListUnder,
  type ResellerView,
  type UpdateReseller,
} from '@strowger/contracts-hierarchy';
import { Answers } from '@strowger/http';
import type { Page, RpcRequest } from '@strowger/kernel';
import { ResellersService } from './resellers.service.js';

@Controller()
export class ResellersController {
  constructor(private readonly resellers: ResellersService) {}

  @Answers(hierarchyRpc.createReseller)
  create(request: RpcRequest<CreateReseller>): Promise<ResellerView> {
    return this.resellers.create(request, request.body);
  }

  @Answers(hierarchyRpc.updateReseller)
  update(request: RpcRequest<UpdateReseller>): Promise<ResellerView> {
    return this.resellers.update(request, request.body);
  }

  @Answers(hierarchyRpc.getReseller)
  get(request: RpcRequest<ById>): Promise<ResellerView> {
    return this.resellers.get(request, request.body.id);
  }

  @Answers(hierarchyRpc.listResellers)
  list(request: RpcRequest<ListUnder>): Promise<Page<ResellerView>> {
    return this.resellers.list(request, request.body);
  }
}
