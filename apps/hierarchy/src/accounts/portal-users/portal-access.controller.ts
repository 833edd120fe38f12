import { Controller } from '@nestjs/common';
import {
  hierarchyRpc,
  type ChangeOwnPassword,
  type ConfirmPasswordReset,
  type OfPortalUser,
  type RequestPasswordReset,
  type RevokeSession,
  type SessionView,
} from '@strowger/contracts-hierarchy';
import { Answers } from '@strowger/http';
import type { RpcRequest } from '@strowger/kernel';
import { PasswordResets } from './password-resets.service.js';
import { PortalSessions } from './portal-sessions.service.js';

/** How portal users get in and stay in: passwords and sessions. */
@Controller()
export class PortalAccessController {
  constructor(
    private readonly sessions: PortalSessions,
    private readonly resets: PasswordResets,
  ) {}

  @Answers(hierarchyRpc.listSessions)
  list(request: RpcRequest<OfPortalUser>): Promise<SessionView[]> {
    return this.sessions.list(request, request.body);
  }

  @Answers(hierarchyRpc.revokeSession)
  async revoke(request: RpcRequest<RevokeSession>): Promise<null> {
    await this.sessions.revoke(request, request.body);
    return null;
  }

  @Answers(hierarchyRpc.revokeSessions)
  async revokeAll(request: RpcRequest<OfPortalUser>): Promise<null> {
    await this.sessions.revokeAll(request, request.body);
    return null;
  }

  @Answers(hierarchyRpc.changeOwnPassword)
  async changePassword(request: RpcRequest<ChangeOwnPassword>): Promise<null> {
    await this.sessions.changePassword(request, request.body);
    return null;
  }

  /** Whoever asks has no scope yet, so none is looked at. */
  @Answers(hierarchyRpc.requestPasswordReset)
  async request(request: RpcRequest<RequestPasswordReset>): Promise<null> {
    await this.resets.request(request.actor, request.body);
    return null;
  }

  @Answers(hierarchyRpc.confirmPasswordReset)
  async confirm(request: RpcRequest<ConfirmPasswordReset>): Promise<null> {
    await this.resets.confirm(request.actor, request.body);
    return null;
  }
}
