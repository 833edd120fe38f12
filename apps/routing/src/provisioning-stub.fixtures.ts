import { Injectable, Module } from '@nestjs/common';
import { provisioningRpc, type PlatformAccessView } from '@strowger/contracts-provisioning';
import { NotFound, type RpcRequest } from '@strowger/kernel';
import { Answers } from '@strowger/rpc';

/** By platform id. */
export class Accesses extends Map<string, PlatformAccessView> {}
@Injectable()
class ProvisioningStub {
  constructor(private readonly accesses: Accesses) {}
  @Answers(provisioningRpc.getPlatformAccess)
  async access({ body }: RpcRequest<{ id: string }>): Promise<PlatformAccessView> {
    const view = this.accesses.get(body.id);
    if (!view) throw new NotFound('platform', body.id);
    return view;
  }
}

/** The one thing routing asks provisioning. */
export function provisioningStub(accesses: Accesses) {
  @Module({ providers: [ProvisioningStub, { provide: Accesses, useValue: accesses }] })
  class Stub {}
  return Stub;
}
