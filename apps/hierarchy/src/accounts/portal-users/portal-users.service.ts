import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { LockMode, type EntityManager } from '@mikro-orm/postgresql';
import {
  hierarchyRpc,
  type ById,
  type CreatePortalUser,
  type ListUnder,
  type PortalUserView,
  type RecordTextsRead,
  type UpdatePortalUser,
} from '@strowger/contracts-hierarchy';
import {
  checkVersion,
  Clock,
  NotFound,
  PLATFORM_SCOPE,
  type Actor,
  type Page,
  type RpcContext,
  type RpcRequest,
  type TenantScope,
} from '@strowger/kernel';
import { Db, Outbox } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { isEmpty } from '../../history/changes.js';
import { HistoryService } from '../../history/history.service.js';
import { matching, pageByName, type Where } from '../../listing.js';
import { columnOf, NodesService, type TreeNode } from '../../nodes/nodes.service.js';
import { byPerson } from '../credentials/by-person.js';
import { CredentialDrops } from '../credentials/credential-drops.js';
import { uniquely } from '../../uniqueness.js';
import { AccountEndings, type NodeColumn } from './account-endings.service.js';
import { AlertGuard } from './alert-guard.service.js';
import { AlertRecipients } from './alert-recipients.service.js';
import { PasswordHasher } from '../credentials/password-hasher.js';
import { checkPassword } from '../credentials/password.rules.js';
import { Invitations } from './invitations.service.js';
import { PortalUser } from './portal-user.entity.js';
import { EmailTaken, LastAlertRecipient, LastOperator, OwnAccount, UserNameTaken } from './portal-user.errors.js';
import { portalUsersSeenBy } from './portal-user.visibility.js';
import { RefreshTokens } from './refresh-tokens.service.js';

/** Any number; serializes deletions of operators, who have no row above them to lock. */
const OPERATORS_LOCK = 7_203_104;

/** Portal users: made, changed, locked, ended and found. Rules keep an operator and, where needed, a recipient of alerts. */
@Injectable()
export class PortalUsersService {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly history: HistoryService,
    private readonly nodes: NodesService,
    private readonly guard: AlertGuard,
    private readonly recipients: AlertRecipients,
    private readonly passwords: PasswordHasher,
    private readonly tokens: RefreshTokens,
    private readonly outbox: Outbox,
    private readonly drops: CredentialDrops,
    private readonly endings: AccountEndings,
    private readonly invitations: Invitations,
  ) {}

  @Answers(hierarchyRpc.createPortalUser)
  async create({ scope, actor, body: given }: RpcRequest<CreatePortalUser>): Promise<PortalUserView> {
    byPerson(actor, 'add portal users');
    const node = await this.nodes.get(scope, given.nodeId, given.level);
    checkPassword(given.password, given);
    const passwordHash = await this.passwords.hash(given.password);
    return this.db.transactional(async (em) =>
      (await this.add(em, { scope, actor }, given, node, passwordHash)).view(),
    );
  }

  /**
   * Makes an account for somebody who chooses their own password by a mailed link. What asks is no person, so those who
   * are notified of trouble with access to the system provider are notified of this, too.
   * @throws InvitationsOff where the system provider doesn't let its back office do this
   */
  async invite({ scope, actor, body: given }: RpcRequest<Omit<CreatePortalUser, 'password'>>): Promise<PortalUserView> {
    const node = await this.nodes.get(scope, given.nodeId, given.level);
    const passwordHash = await this.passwords.hash(randomBytes(32).toString('base64url'));
    return this.db.transactional(async (em) => {
      const user = await this.add(em, { scope, actor }, given, node, passwordHash);
      await this.invitations.send(em, actor, user, node.systemProviderId);
      return user.view();
    });
  }

  private async add(
    em: EntityManager,
    { scope, actor }: RpcContext,
    given: Omit<CreatePortalUser, 'password'>,
    node: TreeNode,
    passwordHash: string,
  ): Promise<PortalUser> {
    const provider = given.level === 'system-provider' ? await this.nodes.lockProvider(scope, node.id) : undefined;
    await this.nodes.hold(node);
    const user = PortalUser.create(given, node, passwordHash, this.clock.now());
    em.persist(user);
    const { level, email, name, userName, role } = given;
    this.history.record(em, actor, 'created', user.historyObject(), { level, email, name, userName, role });
    this.outbox.add(em, user.saved());
    await this.flush(em, user);
    if (provider && user.receivesAlerts) await this.recipients.publish(em, provider.id);
    return user;
  }

  @Answers(hierarchyRpc.updatePortalUser)
  async update({ scope, actor, body: given }: RpcRequest<UpdatePortalUser>): Promise<PortalUserView> {
    // Outside the transaction: hashing takes long, and a lock should not.
    const passwordHash = given.password ? await this.passwords.hash(given.password) : undefined;
    return this.db.transactional(async (em) => {
      const { user, provider } = await this.lock(em, scope, given.id);
      checkVersion('portal user', user, given.version);
      // A caller that sends an account as it is changes nothing by that.
      if (given.password) byPerson(actor, 'set the password of a portal user');
      if (given.email !== undefined && given.email !== user.email) byPerson(actor, 'change an e-mail address');
      if (given.role !== undefined && given.role !== user.role) byPerson(actor, 'change a role');
      if (given.readsTexts !== undefined && given.readsTexts !== user.readsTexts)
        byPerson(actor, 'change who reads texts');
      const before = recipientOf(user);
      const wasOperator = isOperator(user);
      const changes = user.update(given, passwordHash);
      if (given.password) checkPassword(given.password, user);
      if (before && !user.receivesAlerts && provider) await this.keepARecipient(em, provider, user, 'updated');
      if (wasOperator && !isOperator(user)) await this.keepAnOperator(em, user);
      if (!isEmpty(changes)) this.history.record(em, actor, 'updated', user.historyObject(), changes);
      if (changes['name'] ?? changes['email']) this.outbox.add(em, user.saved());
      // A role is in the access token, so a lesser one must be signed in to as well.
      if (passwordHash || changes['role'] || changes['readsTexts']) await this.endSessions(em, user);
      await this.flush(em, user);
      if (provider && recipientOf(user) !== before) await this.recipients.publish(em, provider.id);
      return user.view();
    });
  }

  @Answers(hierarchyRpc.deletePortalUser)
  async delete({ scope, actor, body: { id } }: RpcRequest<ById>): Promise<null> {
    await this.db.transactional(async (em) => {
      const { user, provider } = await this.lock(em, scope, id);
      if (isOperator(user)) await this.keepAnOperator(em, user);
      const wasRecipient = user.receivesAlerts;
      user.end(this.clock.now());
      if (wasRecipient && provider) await this.keepARecipient(em, provider, user, 'deleted');
      await this.endSessions(em, user);
      this.history.record(em, actor, 'deleted', user.historyObject());
      this.outbox.add(em, user.deleted(actor));
      if (wasRecipient && provider) await this.recipients.publish(em, provider.id);
    });
    return null;
  }

  /** Signed out at once and not notified any more; so the last one who receives alerts can't be locked. Safe to repeat. */
  @Answers(hierarchyRpc.lockPortalUser)
  async lockOut({ scope, actor, body: { id } }: RpcRequest<ById>): Promise<PortalUserView> {
    return this.db.transactional(async (em) => {
      const { user, provider } = await this.lock(em, scope, id);
      if (actor.kind === 'portal-user' && actor.id === user.id) throw new OwnAccount();
      const wasRecipient = user.receivesAlerts;
      if (isOperator(user)) await this.keepAnOperator(em, user);
      if (!user.lock(this.clock.now())) return user.view();
      if (wasRecipient && provider) await this.keepARecipient(em, provider, user, 'locked');
      await this.endSessions(em, user);
      this.history.record(em, actor, 'locked', user.historyObject());
      if (wasRecipient && provider) await this.recipients.publish(em, provider.id);
      return user.view();
    });
  }

  /** Safe to repeat. */
  @Answers(hierarchyRpc.unlockPortalUser)
  async unlock({ scope, actor, body: { id } }: RpcRequest<ById>): Promise<PortalUserView> {
    return this.db.transactional(async (em) => {
      const { user, provider } = await this.lock(em, scope, id);
      if (!user.isWeakerThan(scope)) byPerson(actor, 'unlock somebody of the same rights');
      if (!user.unlock()) return user.view();
      this.history.record(em, actor, 'unlocked', user.historyObject());
      if (user.receivesAlerts && provider) await this.recipients.publish(em, provider.id);
      return user.view();
    });
  }

  /**
   * Ends all accounts at a node and below it, in the caller's transaction: portal users with their sessions, interface
   * users, API keys. One history entry each.
   * @returns how many portal users
   * @throws LastAlertRecipient when the node is a system provider that still has a platform
   */
  endUnder(em: EntityManager, actor: Actor, column: NodeColumn, nodeId: string, at: Date): Promise<number> {
    return this.endings.endUnder(em, actor, column, nodeId, at);
  }

  /** Under the reader, and found in the history of the user whose texts they are. */
  @Answers(hierarchyRpc.recordTextsRead)
  async recordTextsRead({ scope, actor, body }: RpcRequest<RecordTextsRead>): Promise<null> {
    const { userId, messageId } = body;
    await this.db.transactional(async (em) => {
      const reader = await em.findOne(PortalUser, { $and: [portalUsersSeenBy(scope), { id: actor.id }] });
      if (!reader) throw new NotFound('portal-user', actor.id);
      const about = { ...reader.historyObject(), ...(userId ? { userId } : {}) };
      this.history.record(em, actor, 'texts-read', about, {
        ...(userId ? { userId } : {}),
        ...(messageId ? { messageId } : {}),
      });
    });
    return null;
  }

  @Answers(hierarchyRpc.getPortalUser)
  async get({ scope, body: { id } }: RpcRequest<ById>): Promise<PortalUserView> {
    const user = await this.db.em().findOne(PortalUser, { $and: [portalUsersSeenBy(scope), { id }] });
    if (!user) throw new NotFound('portal-user', id);
    return user.view();
  }

  /** Those of a node and of the nodes below it. */
  @Answers(hierarchyRpc.listPortalUsers)
  async list({ scope, body: query }: RpcRequest<ListUnder>): Promise<Page<PortalUserView>> {
    const where: Where[] = [portalUsersSeenBy(scope), ...matching(query.search, 'name', 'email')];
    if (query.parentId) {
      const node = await this.nodes.get(scope, query.parentId);
      where.push({ [columnOf(node)]: node.id });
    }
    return pageByName(this.db.em(), PortalUser, where, query, (rows) => rows.map((row) => row.view()));
  }

  /** Makes the first portal user of an installation; false when there is an operator already. */
  async addFirstOperator(actor: Actor, email: string, password: string): Promise<boolean> {
    const passwordHash = await this.passwords.hash(password);
    return this.db.transactional(async (em) => {
      await em.execute('select pg_advisory_xact_lock(?)', [OPERATORS_LOCK]);
      if ((await em.count(PortalUser, { level: 'platform', endedAt: null })) > 0) return false;
      const notifications = {
        technicalEmails: true,
        alerts: true,
        invoicesAndReceipts: true,
        licenseExpiryAlerts: true,
      };
      const given = { level: 'platform' as const, email, name: 'Operator', role: 'administrator' as const };
      const user = PortalUser.create({ ...given, notifications }, {}, passwordHash, this.clock.now());
      em.persist(user);
      this.history.record(em, actor, 'created', user.historyObject(), given);
      await this.flush(em, user);
      return true;
    });
  }

  /** Locks the system provider, where alerts are at stake, and then the portal user: the order of all who lock both. */
  private async lock(
    em: EntityManager,
    scope: TenantScope,
    id: string,
  ): Promise<{ user: PortalUser; provider?: TreeNode }> {
    const where = { $and: [portalUsersSeenBy(scope), { id }] };
    const found = await em.findOne(PortalUser, where);
    if (!found) throw new NotFound('portal-user', id);
    const provider =
      found.level === 'system-provider' && found.systemProviderId
        ? await this.nodes.lockProvider(PLATFORM_SCOPE, found.systemProviderId)
        : undefined;
    const user = await em.findOne(PortalUser, where, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });
    if (!user) throw new NotFound('portal-user', id);
    return { user, provider };
  }

  private async keepARecipient(
    em: EntityManager,
    provider: TreeNode,
    user: PortalUser,
    action: 'updated' | 'locked' | 'deleted',
  ): Promise<void> {
    if (!(await this.guard.isHeld(em, provider.id))) return;
    const others = (await this.recipients.of(em, provider.id)).filter((other) => other.id !== user.id);
    if (others.length === 0) throw new LastAlertRecipient(action, user.id, user.email);
  }

  private async endSessions(em: EntityManager, user: PortalUser): Promise<void> {
    this.drops.afterCommit({ sessionIds: await this.tokens.revokeAll(em, user.id) });
  }

  private async keepAnOperator(em: EntityManager, user: PortalUser): Promise<void> {
    await em.execute('select pg_advisory_xact_lock(?)', [OPERATORS_LOCK]);
    const others = await em.count(PortalUser, {
      level: 'platform',
      role: 'administrator',
      lockedAt: null,
      endedAt: null,
      id: { $ne: user.id },
    });
    if (others === 0) throw new LastOperator();
  }

  private flush(em: EntityManager, user: PortalUser): Promise<void> {
    return uniquely(em.flush(), {
      portal_user_email_active: () => new EmailTaken(user.email),
      portal_user_name_active: () => new UserNameTaken(user.userName ?? ''),
    });
  }
}

/** Someone who keeps the installation from being without anyone at its top. */
const isOperator = (user: PortalUser): boolean =>
  user.level === 'platform' && user.role === 'administrator' && !user.lockedAt && !user.endedAt;

/** What notification knows of a recipient; undefined for nobody. */
const recipientOf = (user: PortalUser): string | undefined =>
  user.receivesAlerts ? JSON.stringify([user.email, user.name, user.timezone]) : undefined;
