import { Controller } from '@nestjs/common';
import { hierarchyRpc, type ListLoginHistory, type LoginHistoryView } from '@strowger/contracts-hierarchy';
import { Answers } from '@strowger/http';
import { NotFound, type Page, type RpcRequest } from '@strowger/kernel';
import { InterfaceUserAccounts } from '../interface-users/interface-user-accounts.service.js';
import { PortalUsersService } from '../portal-users/portal-users.service.js';
import { OperatorOnly } from '../../visibility.js';
import { LoginHistory } from './login-history.service.js';

@Controller()
export class LoginHistoryController {
  constructor(
    private readonly logins: LoginHistory,
    private readonly interfaceUsers: InterfaceUserAccounts,
    private readonly portalUsers: PortalUsersService,
  ) {}

  /** Of an account that the caller sees; all of it, names that nobody has included, for the operator. */
  @Answers(hierarchyRpc.listLoginHistory)
  async list({ scope, actor, body }: RpcRequest<ListLoginHistory>): Promise<Page<LoginHistoryView>> {
    if (body.accountId === undefined) {
      if (scope.level !== 'platform') throw new OperatorOnly('see the logins of everyone');
    } else {
      const missing = (error: unknown): undefined => {
        if (error instanceof NotFound) return undefined;
        throw error;
      };
      const seen =
        (await this.interfaceUsers.find(scope, body.accountId).catch(missing)) ??
        (await this.portalUsers.get({ scope, actor }, body.accountId).catch(missing));
      if (!seen) throw new NotFound('account', body.accountId);
    }
    return this.logins.list(body);
  }
}
