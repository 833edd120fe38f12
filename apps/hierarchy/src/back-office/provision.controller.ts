import { Injectable } from '@nestjs/common';
import { hierarchyRpc, PROVISION_OPERATIONS, type Provision, type ProvisionReply } from '@strowger/contracts-hierarchy';
import type { RpcRequest } from '@strowger/kernel';
import { Answers } from '@strowger/rpc';
import { ProvisionService } from './provision.service.js';

/** The SOAP door's one request. With a check of its own: the gateway has bound and checked it, and a back office sends thousands a second. */
@Injectable()
export class ProvisionController {
  constructor(private readonly provisioning: ProvisionService) {}

  @Answers(hierarchyRpc.provision, { check: isProvision })
  provision({ body }: RpcRequest<Provision>): Promise<ProvisionReply> {
    return this.provisioning.call(body);
  }
}

const isText = (value: unknown): boolean => value === undefined || typeof value === 'string';

/** What the class of the contract says, without class-validator: that takes longer than all the rest of a repeated call. */
function isProvision(given: unknown): given is Provision {
  if (typeof given !== 'object' || given === null) return false;
  const body = given as Partial<Provision>;
  return (
    typeof body.operation === 'string' &&
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
