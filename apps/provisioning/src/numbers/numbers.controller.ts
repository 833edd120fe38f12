import { Controller, Inject } from '@nestjs/common';
import {
  provisioningRpc as rpc,
  type AssignNumber,
  type CountNumbersUnder,
  type ListNumbers,
  type NumberOutcome,
  type NumberView,
  type NumbersUnder,
  type OperationView,
  type ReleaseNumber,
  type TimelineEntryView,
  type UpdateNumber,
} from '@strowger/contracts-provisioning';
import { Answers } from '@strowger/http';
import type { Page, RpcRequest } from '@strowger/kernel';
import { EnablementService } from './enablement.service.js';
import { NumberQueries } from './number.queries.js';
import { NumbersService } from './numbers.service.js';

@Controller()
export class NumbersController {
  constructor(
    @Inject(NumbersService) private readonly numbers: NumbersService,
    @Inject(NumberQueries) private readonly queries: NumberQueries,
    @Inject(EnablementService) private readonly enablement: EnablementService,
  ) {}

  @Answers(rpc.assignNumber)
  assign(request: RpcRequest<AssignNumber>): Promise<NumberOutcome> {
    return this.numbers.assign(request, request.body);
  }

  @Answers(rpc.releaseNumber)
  release(request: RpcRequest<ReleaseNumber>): Promise<NumberOutcome> {
    return this.numbers.release(request, request.body);
  }

  @Answers(rpc.updateNumber)
  update(request: RpcRequest<UpdateNumber>): Promise<NumberView> {
    return this.numbers.update(request, request.body);
  }

  @Answers(rpc.getNumber)
  get({ scope, body }: RpcRequest<rpc.ById>): Promise<NumberView> {
    return this.queries.get(scope, body.id);
  }

  @Answers(rpc.listNumbers)
  list({ scope, body }: RpcRequest<ListNumbers>): Promise<Page<NumberView>> {
    return this.queries.list(scope, body);
  }

  @Answers(rpc.countNumbersUnder)
  countUnder({ scope, body }: RpcRequest<CountNumbersUnder>): Promise<NumbersUnder> {
    return this.queries.countUnder(scope, body);
  }

  @Answers(rpc.refreshNumber)
  async refresh(request: RpcRequest<rpc.ById>): Promise<NumberView> {
    return this.queries.view(await this.enablement.refresh(request, request.body.id));
  }

  @Answers(rpc.retryEnablement)
  async retryEnablement(request: RpcRequest<rpc.ById>): Promise<NumberView> {
    return this.queries.view(await this.enablement.retry(request, request.body.id));
  }

  @Answers(rpc.numberTimeline)
  timeline({ scope, body }: RpcRequest<rpc.ById>): Promise<TimelineEntryView[]> {
    return this.queries.timeline(scope, body.id);
  }

  @Answers(rpc.getOperation)
  operation({ scope, body }: RpcRequest<rpc.ById>): Promise<OperationView> {
    return this.queries.operation(scope, body.id);
  }
}
