import { Controller } from '@nestjs/common';
import { hierarchyRpc, type HistoryEntryView, type ListHistory } from '@strowger/contracts-hierarchy';
import { Answers } from '@strowger/http';
import type { Page, RpcRequest } from '@strowger/kernel';
import { HistoryService } from './history.service.js';

@Controller()
export class HistoryController {
  constructor(private readonly history: HistoryService) {}

  @Answers(hierarchyRpc.listHistory)
  list(request: RpcRequest<ListHistory>): Promise<Page<HistoryEntryView>> {
    return this.history.list(request, request.body);
  }
}
