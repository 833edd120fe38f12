import { createHash, createHmac, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { LockMode, type EntityManager } from '@mikro-orm/postgresql';
import { Clock, newId } from '@strowger/kernel';
import { HierarchyConfig } from '../../config.js';
import { PasswordReset } from './password-reset.entity.js';
import { Session } from './session.entity.js';

export interface IssuedToken {
  sessionId: string;
  refreshToken: string;
  refreshExpiresAt: string;
}

/** From where a session is begun or continued. */
export interface Visitor {
  ip?: string;
  userAgent?: string;
}

const DAY_MS = 86_400_000;
/** Two tabs that wake up together send the same token, and so does a page that is loaded again at once. */
const GRACE_MS = 30_000;
const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

/** The next token of a family. It can be made again from the one before and the id of its row, and from no less. */
const successorOf = (refreshToken: string, id: string): string =>
  createHmac('sha256', refreshToken).update(id).digest('base64url');

/** Refresh tokens: 256 bits that nobody can guess, stored as a hash. Every use replaces the token by the next of its family. */
@Injectable()
export class RefreshTokens {
  constructor(
    private readonly clock: Clock,
    private readonly config: HierarchyConfig,
  ) {}

  /** A token of a new family, or the next after a given one. */
  issue(
    em: EntityManager,
    portalUserId: string,
    visitor: Visitor,
    previous?: { session: Session; refreshToken: string },
  ): IssuedToken {
    const before = previous?.session;
    const id = newId();
    const refreshToken = previous ? successorOf(previous.refreshToken, id) : randomBytes(32).toString('base64url');
    const createdAt = this.clock.now();
    const expiresAt = new Date(createdAt.getTime() + this.config.sessionDays * DAY_MS);
    const familyId = before?.familyId ?? newId();
    const session = {
      id,
      familyId,
      portalUserId,
      tokenHash: hashOf(refreshToken),
      createdAt,
      startedAt: before?.startedAt ?? createdAt,
      expiresAt,
      ip: visitor.ip ?? before?.ip ?? null,
      userAgent: visitor.userAgent ?? before?.userAgent ?? null,
    };
    em.persist(Object.assign(new Session(), session));
    return { sessionId: familyId, refreshToken, refreshExpiresAt: expiresAt.toISOString() };
  }

  /** What a token was replaced by, for as long as its holder may not have heard of that. */
  async successor(em: EntityManager, session: Session, refreshToken: string): Promise<IssuedToken | undefined> {
    const { familyId, rotatedAt } = session;
    if (!rotatedAt || this.clock.now().getTime() - rotatedAt.getTime() > GRACE_MS) return undefined;
    const later = await em.find(Session, { familyId, createdAt: { $gte: rotatedAt }, revokedAt: null });
    for (const { id, tokenHash, expiresAt } of later) {
      const next = successorOf(refreshToken, id);
      if (hashOf(next) === tokenHash)
        return { sessionId: familyId, refreshToken: next, refreshExpiresAt: expiresAt.toISOString() };
    }
    return undefined;
  }

  find(em: EntityManager, refreshToken: string): Promise<Session | null> {
    return em.findOne(Session, { tokenHash: hashOf(refreshToken) });
  }

  /** The session as it is now, its row locked. Lock the portal user before. */
  lock(em: EntityManager, session: Session): Promise<Session | null> {
    return em.findOne(Session, { id: session.id }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });
  }

  /** The newest token of each session that goes on. */
  live(em: EntityManager, portalUserId: string): Promise<Session[]> {
    return em.find(
      Session,
      { portalUserId, rotatedAt: null, revokedAt: null, expiresAt: { $gt: this.clock.now() } },
      { orderBy: { createdAt: 'desc', id: 'desc' } },
    );
  }

  async revokeFamily(em: EntityManager, familyId: string): Promise<void> {
    await em.nativeUpdate(Session, { familyId, revokedAt: null }, { revokedAt: this.clock.now() });
  }

  /**
   * Ends all of a portal user's sessions, or all but one, and the links mailed for a new password.
   * @returns those that went on until now
   */
  async revokeAll(em: EntityManager, portalUserId: string, but?: string): Promise<string[]> {
    const ended = (await this.live(em, portalUserId)).map(({ familyId }) => familyId).filter((id) => id !== but);
    await em.nativeUpdate(
      Session,
      { portalUserId, revokedAt: null, ...(but ? { familyId: { $ne: but } } : {}) },
      { revokedAt: this.clock.now() },
    );
    await em.nativeUpdate(PasswordReset, { portalUserId, usedAt: null }, { usedAt: this.clock.now() });
    return ended;
  }

  /** A token past its time answers the same whether it is known or not. */
  async forgetExpired(em: EntityManager): Promise<void> {
    await em.nativeDelete(Session, { expiresAt: { $lt: this.clock.now() } });
  }
}
