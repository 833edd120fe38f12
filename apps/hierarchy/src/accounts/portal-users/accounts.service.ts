import { Injectable } from '@nestjs/common';
import { LockMode, type EntityManager } from '@mikro-orm/postgresql';
import type { SessionGrant } from '@strowger/contracts-hierarchy';
import { Clock } from '@strowger/kernel';
import { Db } from '@strowger/persistence';
import { LoginHistory, type LoginSeen } from '../logins/login-history.service.js';
import { plainText } from '../logins/plain-text.js';
import { CredentialDrops } from '../credentials/credential-drops.js';
import { PasswordHasher } from '../credentials/password-hasher.js';
import { PortalUser } from './portal-user.entity.js';
import { RefreshTokens, type Visitor } from './refresh-tokens.service.js';
import { emailKeyOf } from './email-key.js';

/**
 * Portal users as those who sign in. The portal user's row is locked before a token is issued, because a change of
 * password, a lock or a deletion that commits in between must end this session too.
 */
@Injectable()
export class Accounts {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly passwords: PasswordHasher,
    private readonly tokens: RefreshTokens,
    private readonly logins: LoginHistory,
    private readonly drops: CredentialDrops,
  ) {}

  /**
   * Undefined when there is no such portal user or the password is another; takes the same time for both. `locked` is
   * answered to the right password only.
   */
  async signIn(email: string, password: string, visitor: Visitor): Promise<SessionGrant | 'locked' | undefined> {
    const emailKey = emailKeyOf(email);
    const seen: LoginSeen = {
      presentedUserName: email,
      address: visitor.ip,
      userAgent: visitor.userAgent,
      binding: 'PORTAL',
    };
    const found = await this.db.em().findOne(PortalUser, { emailKey, endedAt: null });
    if (found) seen.account = { kind: 'portal-user', id: found.id };
    const matches = await this.passwords.verify(found?.passwordHash, password);
    if (!found || !matches) {
      const at = this.clock.now();
      // Also for nobody: the time of a write would give it away.
      await this.db.em().nativeUpdate(PortalUser, { emailKey, endedAt: null }, { lastUnsuccessfulLoginAt: at });
      await this.logins.add(seen, found ? 'BAD_PASSWORD' : 'UNKNOWN_USER', found ? undefined : { as: emailKey });
      return undefined;
    }
    const better = this.passwords.isOutdated(found.passwordHash) ? await this.passwords.hash(password) : undefined;
    return this.db.transactional(async (em) => {
      const user = await this.lock(em, found.id);
      if (user?.passwordHash !== found.passwordHash) return undefined;
      if (user.lockedAt) {
        user.lastUnsuccessfulLoginAt = this.clock.now();
        await this.logins.add(seen, 'LOCKED');
        return 'locked';
      }
      if (better) user.passwordHash = better;
      user.lastSuccessfulLoginAt = this.clock.now();
      await this.logins.add(seen, 'SUCCESS');
      return { principal: user.principal(), ...this.tokens.issue(em, user.id, known(visitor)) };
    });
  }

  /** Answers instead of throwing, so that the end of a stolen family commits. */
  async refresh(refreshToken: string, visitor: Visitor): Promise<SessionGrant | 'ended' | 'reused'> {
    return this.db.transactional(async (em) => {
      const found = await this.tokens.find(em, refreshToken);
      if (!found) return 'ended';
      const user = await this.lock(em, found.portalUserId);
      const session = await this.tokens.lock(em, found);
      const now = this.clock.now();
      if (!user || user.lockedAt || !session || session.isOver(now)) return 'ended';
      const successor = await this.tokens.successor(em, session, refreshToken);
      if (successor) return { principal: user.principal(), ...successor };
      if (session.rotatedAt) {
        await this.tokens.revokeFamily(em, session.familyId);
        this.drops.afterCommit({ sessionIds: [session.familyId] });
        return 'reused';
      }
      session.rotatedAt = now;
      return {
        principal: user.principal(),
        ...this.tokens.issue(em, user.id, known(visitor), { session, refreshToken }),
      };
    });
  }

  async endSession(refreshToken: string): Promise<void> {
    await this.db.transactional(async (em) => {
      const session = await this.tokens.find(em, refreshToken);
      if (!session) return;
      // The lock keeps out a refresh under way, whose new token would outlive the family.
      await this.lock(em, session.portalUserId);
      await this.tokens.revokeFamily(em, session.familyId);
      this.drops.afterCommit({ sessionIds: [session.familyId] });
    });
  }

  forgetExpiredSessions(): Promise<void> {
    return this.db.transactional((em) => this.tokens.forgetExpired(em));
  }

  private lock(em: EntityManager, id: string): Promise<PortalUser | null> {
    return em.findOne(PortalUser, { id, endedAt: null }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });
  }
}

const known = ({ ip, userAgent }: Visitor): Visitor => ({ ip, userAgent: plainText(userAgent, 500) ?? undefined });
