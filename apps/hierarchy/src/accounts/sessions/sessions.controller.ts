import { Controller } from '@nestjs/common';
import { hierarchyRpc, type RefreshSession, type SessionGrant, type SignIn } from '@strowger/contracts-hierarchy';
import { Answers } from '@strowger/http';
import type { RpcRequest } from '@strowger/kernel';
import { SessionsService } from './sessions.service.js';

/** Whoever signs in has no scope yet, so none is looked at. */
@Controller()
export class SessionsController {
  constructor(private readonly sessions: SessionsService) {}

  @Answers(hierarchyRpc.signIn)
  signIn(request: RpcRequest<SignIn>): Promise<SessionGrant> {
    return this.sessions.signIn(request.actor, request.body);
  }

  @Answers(hierarchyRpc.refreshSession)
  refresh(request: RpcRequest<RefreshSession>): Promise<SessionGrant> {
    return this.sessions.refresh(request.actor, request.body);
  }

  @Answers(hierarchyRpc.endSession)
  async end(request: RpcRequest<RefreshSession>): Promise<null> {
    await this.sessions.end(request.body.refreshToken);
    return null;
  }
}
