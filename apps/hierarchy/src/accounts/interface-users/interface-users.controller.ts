import { Controller } from '@nestjs/common';
import {
  hierarchyRpc,
  type AddInterfaceUserAddress,
  type ById,
  type CreateInterfaceUser,
  type InterfaceUserView,
  type InterfaceUserWithPassword,
  type ListUnder,
  type RemoveInterfaceUserAddress,
  type SetInterfaceUserPassword,
  type UpdateInterfaceUser,
} from '@strowger/contracts-hierarchy';
import { Answers } from '@strowger/http';
import type { Page, RpcRequest } from '@strowger/kernel';
import { InterfaceUserAccounts } from './interface-user-accounts.service.js';

@Controller()
export class InterfaceUsersController {
  constructor(private readonly accounts: InterfaceUserAccounts) {}

  @Answers(hierarchyRpc.createInterfaceUser)
  create(request: RpcRequest<CreateInterfaceUser>): Promise<InterfaceUserWithPassword> {
    return this.accounts.create(request, request.body);
  }

  @Answers(hierarchyRpc.updateInterfaceUser)
  update(request: RpcRequest<UpdateInterfaceUser>): Promise<InterfaceUserView> {
    return this.accounts.update(request, request.body);
  }

  @Answers(hierarchyRpc.addInterfaceUserAddress)
  addAddress(request: RpcRequest<AddInterfaceUserAddress>): Promise<InterfaceUserView> {
    return this.accounts.addAddress(request, request.body);
  }

  @Answers(hierarchyRpc.removeInterfaceUserAddress)
  removeAddress(request: RpcRequest<RemoveInterfaceUserAddress>): Promise<InterfaceUserView> {
    return this.accounts.removeAddress(request, request.body);
  }

  @Answers(hierarchyRpc.setInterfaceUserPassword)
  setPassword(request: RpcRequest<SetInterfaceUserPassword>): Promise<InterfaceUserWithPassword> {
    return this.accounts.setPassword(request, request.body);
  }

  @Answers(hierarchyRpc.lockInterfaceUser)
  lock(request: RpcRequest<ById>): Promise<InterfaceUserView> {
    return this.accounts.lock(request, request.body.id);
  }

  @Answers(hierarchyRpc.unlockInterfaceUser)
  unlock(request: RpcRequest<ById>): Promise<InterfaceUserView> {
    return this.accounts.unlock(request, request.body.id);
  }

  @Answers(hierarchyRpc.getInterfaceUser)
  get(request: RpcRequest<ById>): Promise<InterfaceUserView> {
    return this.accounts.get(request, request.body.id);
  }

  @Answers(hierarchyRpc.listInterfaceUsers)
  list(request: RpcRequest<ListUnder>): Promise<Page<InterfaceUserView>> {
    return this.accounts.list(request, request.body);
  }

  @Answers(hierarchyRpc.deleteInterfaceUser)
  async delete(request: RpcRequest<ById>): Promise<null> {
    await this.accounts.delete(request, request.body.id);
    return null;
  }
}
