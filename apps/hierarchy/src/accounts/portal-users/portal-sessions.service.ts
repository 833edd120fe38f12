import { Injectable } from '@nestjs/common';
import { LockMode, type EntityManager } from '@mikro-orm/postgresql';
import {
  hierarchyRpc,
  type ChangeOwnPassword,
  type OfPortalUser,
  type RevokeSession,
  type SessionView,
} from '@strowger/contracts-hierarchy';
import { NotFound, type Actor, type RpcRequest, type TenantScope } from '@strowger/kernel';
import { Db } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { HistoryService } from '../../history/history.service.js';
import { CredentialDrops } from '../credentials/credential-drops.js';
import { LoginThrottle } from '../logins/login-throttle.service.js';
import { InvalidCredentials } from '../logins/login.errors.js';
import { PasswordHasher } from '../credentials/password-hasher.js';
import { checkPassword } from '../credentials/password.rules.js';
import { PortalUser } from './portal-user.entity.js';
import { portalUsersSeenBy } from './portal-user.visibility.js';
import { RefreshTokens } from './refresh-tokens.service.js';

/** Sessions of portal users, and the password that begins them. */
@Injectable()
export class PortalSessions {
  constructor(
    private readonly db: Db,
    private readonly history: HistoryService,
    private readonly passwords: PasswordHasher,
    private readonly tokens: RefreshTokens,
    private readonly throttle: LoginThrottle,
    private readonly drops: CredentialDrops,
  ) {}

  /** Those that go on, the last used first. */
  @Answers(hierarchyRpc.listSessions)
  async list({ scope, body: { portalUserId, currentSessionId } }: RpcRequest<OfPortalUser>): Promise<SessionView[]> {
    const user = await this.find(scope, portalUserId);
    return (await this.tokens.live(this.db.em(), user.id)).map((session) => session.view(currentSessionId));
  }

  @Answers(hierarchyRpc.revokeSession)
  async revoke({ scope, actor, body: { portalUserId, sessionId } }: RpcRequest<RevokeSession>): Promise<null> {
    await this.db.transactional(async (em) => {
      const user = await this.lock(em, scope, portalUserId);
      const session = (await this.tokens.live(em, user.id)).find(
        ({ familyId }) => familyId === sessionId.toLowerCase(),
      );
      if (!session) throw new NotFound('session', sessionId);
      await this.tokens.revokeFamily(em, session.familyId);
      this.ended(em, actor, user, [session.familyId]);
    });
    return null;
  }

  /** All of them: anyone who has one must sign in again. */
  @Answers(hierarchyRpc.revokeSessions)
  async revokeAll({ scope, actor, body: { portalUserId } }: RpcRequest<OfPortalUser>): Promise<null> {
    await this.db.transactional(async (em) => {
      const user = await this.lock(em, scope, portalUserId);
      this.ended(em, actor, user, await this.tokens.revokeAll(em, user.id));
    });
    return null;
  }

  /** Guesses count as failed attempts to sign in. Every other session ends. */
  @Answers(hierarchyRpc.changeOwnPassword)
  async changePassword({ scope, actor, body: given }: RpcRequest<ChangeOwnPassword>): Promise<null> {
    const { currentPassword, newPassword, sessionId } = given;
    const found = actor.kind === 'portal-user' ? await this.find(scope, actor.id) : undefined;
    if (!found) throw new NotFound('portal-user', actor.id);
    const attempt = await this.throttle.admit(found.emailKey, actor.ip);
    if (!(await this.passwords.verify(found.passwordHash, currentPassword))) throw new InvalidCredentials();
    await this.throttle.succeeded(attempt);
    checkPassword(newPassword, found, 'newPassword');
    const passwordHash = await this.passwords.hash(newPassword);
    await this.db.transactional(async (em) => {
      const user = await this.lock(em, scope, found.id);
      if (user.passwordHash !== found.passwordHash) throw new InvalidCredentials();
      user.setPassword(passwordHash);
      this.history.record(em, actor, 'password-changed', user.historyObject());
      this.drops.afterCommit({ sessionIds: await this.tokens.revokeAll(em, user.id, sessionId) });
    });
    return null;
  }

  private ended(em: EntityManager, actor: Actor, user: PortalUser, sessionIds: string[]): void {
    if (sessionIds.length === 0) return;
    this.history.record(em, actor, 'sessions-ended', user.historyObject(), { sessions: sessionIds.length });
    this.drops.afterCommit({ sessionIds });
  }

  private async find(scope: TenantScope, id: string): Promise<PortalUser> {
    const user = await this.db.em().findOne(PortalUser, { $and: [portalUsersSeenBy(scope), { id }] });
    if (!user) throw new NotFound('portal-user', id);
    return user;
  }

  private async lock(em: EntityManager, scope: TenantScope, id: string): Promise<PortalUser> {
    const where = { $and: [portalUsersSeenBy(scope), { id }] };
    const user = await em.findOne(PortalUser, where, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });
    if (!user) throw new NotFound('portal-user', id);
    return user;
  }
}
