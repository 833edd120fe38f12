import { Controller } from '@nestjs/common';
import { hierarchyRpc, type LicenseDecision, type RequestLicense } from '@strowger/contracts-hierarchy';
import { Answers } from '@strowger/http';
import type { RpcRequest } from '@strowger/kernel';
import { LicenseRequestsService } from './license-requests.service.js';

@Controller()
export class LicenseRequestsController {
  constructor(private readonly requests: LicenseRequestsService) {}

  @Answers(hierarchyRpc.requestLicense)
  request(request: RpcRequest<RequestLicense>): Promise<LicenseDecision> {
    return this.requests.request(request, request.body);
  }
}
