import { Injectable, type OnModuleInit } from '@nestjs/common';
import { hierarchyRpc, PROVISION_OPERATIONS, type Provision, type ProvisionReply } from '@strowger/contracts-hierarchy';
import { DirectAnswers } from '@strowger/http';
import { AppError, type RpcRequest } from '@strowger/kernel';
import { ProvisionService } from './provision.service.js';

/** The SOAP door's one request. Answered directly: the gateway has bound and checked it, and a back office sends thousands a second. */
@Injectable()
export class ProvisionController implements OnModuleInit {
  constructor(
    private readonly answers: DirectAnswers,
    private readonly provisioning: ProvisionService,
  ) {}

  onModuleInit(): void {
    this.answers.add(hierarchyRpc.provision, (request) => this.provision(request));
  }

  async provision({ body }: RpcRequest<Provision>): Promise<ProvisionReply> {
    if (!isProvision(body)) throw new AppError('invalid', 'malformed-request', 'The request could not be read.');
    return this.provisioning.call(body);
  }
}

const isText = (value: unknown): boolean => value === undefined || typeof value === 'string';

/** What the class of the contract says, without class-validator: that takes longer than all the rest of a repeated call. */
function isProvision(body: Provision | undefined): body is Provision {
  return (
    typeof body === 'object' &&
    Object.hasOwn(PROVISION_OPERATIONS, body.operation) &&
    typeof body.parameters === 'object' &&
    body.parameters !== null &&
    Object.values(body.parameters).every((value) => isText(value) || ['number', 'boolean'].includes(typeof value)) &&
    typeof body.userName === 'string' &&
    typeof body.password === 'string' &&
    isText(body.address) &&
    isText(body.forwardedFor) &&
    isText(body.userAgent) &&
    typeof body.requestId === 'string'
  );
}
