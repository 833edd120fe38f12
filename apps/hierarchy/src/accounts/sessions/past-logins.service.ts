import { Injectable } from '@nestjs/common';
import { hierarchyRpc, type ListLoginHistory, type LoginHistoryView } from '@strowger/contracts-hierarchy';
import { NotFound, type Page, type RpcContext, type RpcRequest } from '@strowger/kernel';
import { Answers } from '@strowger/rpc';
import { OperatorOnly } from '../../visibility.js';
import { InterfaceUserAccounts } from '../interface-users/interface-user-accounts.service.js';
import { LoginHistory } from '../logins/login-history.service.js';
import { PortalUsersService } from '../portal-users/portal-users.service.js';

/** The login history as administrators read it. */
@Injectable()
export class PastLogins {
  constructor(
    private readonly history: LoginHistory,
    private readonly interfaceUsers: InterfaceUserAccounts,
    private readonly portalUsers: PortalUsersService,
  ) {}

  /** Newest first: of an account that the caller sees; all of it, names that nobody has included, for the operator. */
  @Answers(hierarchyRpc.listLoginHistory)
  async list(request: RpcRequest<ListLoginHistory>): Promise<Page<LoginHistoryView>> {
    await this.mayRead(request, request.body.accountId);
    return this.history.list(request.body);
  }

  private async mayRead({ scope, actor }: RpcContext, id: string | undefined): Promise<void> {
    if (id === undefined) {
      if (scope.level !== 'platform') throw new OperatorOnly('see the logins of everyone');
      return;
    }
    const missing = (error: unknown): undefined => {
      if (error instanceof NotFound) return undefined;
      throw error;
    };
    const seen =
      (await this.interfaceUsers.find(scope, id).catch(missing)) ??
      (await this.portalUsers.get({ scope, actor, body: { id } }).catch(missing));
    if (!seen) throw new NotFound('account', id);
  }
}
