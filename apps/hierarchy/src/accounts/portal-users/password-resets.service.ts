import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { LockMode, type EntityManager } from '@mikro-orm/postgresql';
import {
  hierarchyRpc,
  PasswordResetRequestedV1,
  type ConfirmPasswordReset,
  type RequestPasswordReset,
} from '@strowger/contracts-hierarchy';
import { Clock, factOf, newId, SecretBox, type Actor, type RpcRequest } from '@strowger/kernel';
import { Db, Outbox } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { HierarchyConfig } from '../../config.js';
import { HistoryService } from '../../history/history.service.js';
import { CredentialDrops } from '../credentials/credential-drops.js';
import { PasswordHasher } from '../credentials/password-hasher.js';
import { checkPassword } from '../credentials/password.rules.js';
import { PasswordReset } from './password-reset.entity.js';
import { PortalUser } from './portal-user.entity.js';
import { ResetTokenRefused, TooManyResets } from './portal-user.errors.js';
import { RefreshTokens } from './refresh-tokens.service.js';
import { emailKeyOf } from './email-key.js';

const HOUR_MS = 3_600_000;
/** Somebody who is invited did not wait for the mail. */
const INVITATION_MS = 7 * 24 * HOUR_MS;
const KEEP_MS = 30 * 24 * HOUR_MS;
/** Mails a portal user gets in an hour; those asked for beyond are left out silently. */
const MAILS_PER_EMAIL = 3;
const ASKED_PER_ADDRESS = 20;

/** Longer than it takes to find a portal user and note their mail. */
const REQUEST_TAKES_MS = 100;

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

/** A new password by a mailed link: 256 random bits, stored as a hash, good for an hour and for one use. */
@Injectable()
export class PasswordResets {
  private readonly box: SecretBox;

  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly outbox: Outbox,
    private readonly history: HistoryService,
    private readonly passwords: PasswordHasher,
    private readonly tokens: RefreshTokens,
    private readonly drops: CredentialDrops,
    config: HierarchyConfig,
  ) {
    this.box = SecretBox.fromKeyring(config.secretKeys);
  }

  /** Says nothing of whether there is such a portal user, neither by its answer nor by the time it takes. */
  @Answers(hierarchyRpc.requestPasswordReset)
  async request({ actor, body: given }: RpcRequest<RequestPasswordReset>): Promise<null> {
    const atLeast = delay(REQUEST_TAKES_MS);
    try {
      await this.note(actor, given);
    } finally {
      await atLeast;
    }
    return null;
  }

  private async note({ ip }: Actor, { email }: RequestPasswordReset): Promise<void> {
    const emailKey = emailKeyOf(email);
    const { reset, sealedToken } = this.made(emailKey, ip, HOUR_MS);
    // Noted first, counted afterwards: parallel requests count each other.
    await this.db.em().insert(reset);
    if (ip !== undefined) await this.limitAddress(ip, reset);
    const mails = await this.asked({ emailKey }, reset);
    await this.db.transactional(async (em) => {
      const user = await em.findOne(PortalUser, { emailKey, endedAt: null });
      if (!user || user.lockedAt || mails >= MAILS_PER_EMAIL) return;
      await em.nativeUpdate(PasswordReset, { id: reset.id }, { portalUserId: user.id });
      this.mail(em, user, reset, sealedToken, ip ? { address: ip } : {});
      const actor: Actor = { kind: 'portal-user', id: 'unknown', name: 'unknown', ip };
      this.history.record(em, actor, 'password-reset-requested', user.historyObject());
    });
  }

  /** A link to choose the first password with, in the transaction that makes the account. */
  async invite(em: EntityManager, { name: invitedBy }: Actor, user: PortalUser): Promise<void> {
    const { reset, sealedToken } = this.made(user.emailKey, undefined, INVITATION_MS);
    reset.portalUserId = user.id;
    em.persist(reset);
    this.mail(em, user, reset, sealedToken, { invitedBy });
    await em.flush();
  }

  private made(emailKey: string, ip: string | undefined, lastsMs: number) {
    const createdAt = this.clock.now();
    const token = randomBytes(32).toString('base64url');
    const reset = Object.assign(new PasswordReset(), {
      id: newId(),
      emailKey,
      ip: ip ?? null,
      tokenHash: hashOf(token),
      createdAt,
      expiresAt: new Date(createdAt.getTime() + lastsMs),
    });
    return { reset, sealedToken: this.box.seal(token, `password-reset:${reset.id}`) };
  }

  private mail(
    em: EntityManager,
    { id: portalUserId, name, email, systemProviderId }: PortalUser,
    reset: PasswordReset,
    sealedToken: string,
    why: { address?: string; invitedBy?: string },
  ): void {
    const data = {
      resetId: reset.id,
      portalUserId,
      ...(systemProviderId ? { systemProviderId } : {}),
      email,
      name,
      sealedToken,
      expiresAt: reset.expiresAt.toISOString(),
      ...why,
    };
    const about = { subject: reset.id, sequence: 1, tenantId: systemProviderId ?? undefined };
    this.outbox.add(em, factOf(PasswordResetRequestedV1, about, data));
  }

  /**
   * Every session ends, and every other link of theirs with this one.
   * @throws ResetTokenRefused, InvalidInput when the password breaks a rule: the link can then be used again
   */
  @Answers(hierarchyRpc.confirmPasswordReset)
  async confirm({ actor: { ip }, body: { token, newPassword } }: RpcRequest<ConfirmPasswordReset>): Promise<null> {
    const tokenHash = hashOf(token);
    // Before the hash is paid for.
    const found = await this.db.em().findOne(PasswordReset, { tokenHash, usedAt: null });
    if (!found?.portalUserId || this.clock.now() >= found.expiresAt) throw new ResetTokenRefused();
    const { portalUserId } = found;
    const owner = await this.db.em().findOne(PortalUser, { id: portalUserId, endedAt: null });
    if (owner) checkPassword(newPassword, owner, 'newPassword');
    const passwordHash = await this.passwords.hash(newPassword);
    await this.db.transactional(async (em) => {
      const lockMode = LockMode.PESSIMISTIC_WRITE;
      const user = await em.findOne(PortalUser, { id: portalUserId, endedAt: null }, { lockMode, refresh: true });
      const at = this.clock.now();
      const used = await em.nativeUpdate(
        PasswordReset,
        { tokenHash, usedAt: null, expiresAt: { $gt: at } },
        { usedAt: at },
      );
      // Who reads the mail of an address that is no longer theirs must not get in by it.
      if (!user || user.lockedAt || user.emailKey !== found.emailKey || used === 0) throw new ResetTokenRefused();
      user.setPassword(passwordHash);
      const actor: Actor = { kind: 'portal-user', id: user.id, name: user.name, ip };
      this.history.record(em, actor, 'password-reset', user.historyObject());
      this.drops.afterCommit({ sessionIds: await this.tokens.revokeAll(em, user.id) });
    });
    return null;
  }

  /** Long after they have ended: until then they show who asked. */
  async forgetOld(): Promise<void> {
    const before = new Date(this.clock.now().getTime() - KEEP_MS);
    await this.db.em().nativeDelete(PasswordReset, { createdAt: { $lt: before } });
  }

  private async limitAddress(ip: string, reset: PasswordReset): Promise<void> {
    if ((await this.asked({ ip }, reset)) < ASKED_PER_ADDRESS) return;
    await this.db.em().nativeDelete(PasswordReset, { id: reset.id });
    throw new TooManyResets(HOUR_MS / 1000);
  }

  private asked(who: { emailKey: string } | { ip: string }, { id, createdAt }: PasswordReset): Promise<number> {
    const since = new Date(createdAt.getTime() - HOUR_MS);
    return this.db.em().count(PasswordReset, { ...who, createdAt: { $gt: since }, id: { $ne: id } });
  }
}
