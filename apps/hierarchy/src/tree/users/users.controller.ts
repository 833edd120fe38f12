import { Controller } from '@nestjs/common';
import {
  hierarchyRpc,
  type AssignLicense,
  type ById,
  type CreateUser,
  type LicenseView,
  type ListUnder,
  type RemoveLicense,
  type UpdateUser,
  type UserView,
} from '@strowger/contracts-hierarchy';
import { Answers } from '@strowger/http';
import type { Page, RpcRequest } from '@strowger/kernel';
import { UserLicensesService } from './user-licenses.service.js';
import { UsersService } from './users.service.js';

@Controller()
export class UsersController {
  constructor(
    private readonly users: UsersService,
    private readonly licenses: UserLicensesService,
  ) {}

  @Answers(hierarchyRpc.createUser)
  create(request: RpcRequest<CreateUser>): Promise<UserView> {
    return this.users.create(request, request.body);
  }

  @Answers(hierarchyRpc.updateUser)
  update(request: RpcRequest<UpdateUser>): Promise<UserView> {
    return this.users.update(request, request.body);
  }

  @Answers(hierarchyRpc.getUser)
  get(request: RpcRequest<ById>): Promise<UserView> {
    return this.users.get(request, request.body.id);
  }

  @Answers(hierarchyRpc.listUsers)
  list(request: RpcRequest<ListUnder>): Promise<Page<UserView>> {
    return this.users.list(request, request.body);
  }

  @Answers(hierarchyRpc.assignLicense)
  assign(request: RpcRequest<AssignLicense>): Promise<LicenseView> {
    return this.licenses.assign(request, request.body);
  }

  @Answers(hierarchyRpc.removeLicense)
  async remove(request: RpcRequest<RemoveLicense>): Promise<null> {
    await this.licenses.remove(request, request.body);
    return null;
  }

  @Answers(hierarchyRpc.removeLicenses)
  async removeAll(request: RpcRequest<ById>): Promise<null> {
    await this.licenses.removeAll(request, request.body.id);
    return null;
  }

  @Answers(hierarchyRpc.listUserLicenses)
  listLicenses(request: RpcRequest<ById>): Promise<LicenseView[]> {
    return this.licenses.list(request, request.body.id);
  }

  @Answers(hierarchyRpc.recordClientToken)
  recordClientToken(request: RpcRequest<ById>): Promise<UserView> {
    return this.users.recordClientToken(request, request.body.id);
  }
}
