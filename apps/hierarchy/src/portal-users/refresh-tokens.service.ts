import { createHash, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { LockMode, type EntityManager } from '@mikro-orm/postgresql';
import { Clock, newId } from '@strowger/kernel';
import { HierarchyConfig } from '../config.js';
import { Session } from './session.entity.js';

export interface IssuedToken {
  refreshToken: string;
  refreshExpiresAt: string;
}

const DAY_MS = 86_400_000;
const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

/** Refresh tokens: 256 random bits, stored as a hash. Every use replaces the token by the next of its family. */
@Injectable()
export class RefreshTokens {
  constructor(
    private readonly clock: Clock,
    private readonly config: HierarchyConfig,
  ) {}

  /** A token of a new family, or the next of a given one. */
  issue(em: EntityManager, portalUserId: string, familyId: string = newId()): IssuedToken {
    const refreshToken = randomBytes(32).toString('base64url');
    const createdAt = this.clock.now();
    const expiresAt = new Date(createdAt.getTime() + this.config.sessionDays * DAY_MS);
    const session = { id: newId(), familyId, portalUserId, tokenHash: hashOf(refreshToken), createdAt, expiresAt };
    em.persist(Object.assign(new Session(), session));
    return { refreshToken, refreshExpiresAt: expiresAt.toISOString() };
  }

  find(em: EntityManager, refreshToken: string): Promise<Session | null> {
    return em.findOne(Session, { tokenHash: hashOf(refreshToken) });
  }

  /** The session as it is now, its row locked. Lock the portal user before. */
  lock(em: EntityManager, session: Session): Promise<Session | null> {
    return em.findOne(Session, { id: session.id }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });
  }

  async revokeFamily(em: EntityManager, familyId: string): Promise<void> {
    await em.nativeUpdate(Session, { familyId, revokedAt: null }, { revokedAt: this.clock.now() });
  }

  async revokeAll(em: EntityManager, portalUserId: string): Promise<void> {
    await em.nativeUpdate(Session, { portalUserId, revokedAt: null }, { revokedAt: this.clock.now() });
  }

  /** A token past its time answers the same whether it is known or not. */
  async forgetExpired(em: EntityManager): Promise<void> {
    await em.nativeDelete(Session, { expiresAt: { $lt: this.clock.now() } });
  }
}
