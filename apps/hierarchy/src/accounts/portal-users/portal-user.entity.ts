import {
  PortalUserDeletedV1,
  PortalUserSavedV1,
  type AlertRecipient,
  type CreatePortalUser,
  type NotificationSwitches,
  type PortalRole,
  type PortalUserView,
  type PrincipalView,
  type UpdatePortalUser,
} from '@strowger/contracts-hierarchy';
import { factOf, newId, type Actor, type Fact, type TenantScope } from '@strowger/kernel';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { applyChanges, isEmpty, type Changes } from '../../history/changes.js';
import type { HistoryObject } from '../../history/history.service.js';
import { emailKeyOf } from './email-key.js';

const SWITCHES = ['technicalEmails', 'alerts', 'invoicesAndReceipts', 'licenseExpiryAlerts'] as const;

/** From the top down. */
const LEVELS = ['platform', 'system-provider', 'reseller', 'group', 'user'];

/** The node a portal user belongs to; none for the operator. */
export interface PortalNode {
  systemProviderId?: string | null;
  resellerId?: string | null;
  groupId?: string | null;
}

/** A person who signs in to the portal, at one level, for that node and what is below it. */
@Entity({ tableName: 'portal_user' })
export class PortalUser {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'text' }) level!: PortalUserView['level'];
  @Property({ type: 'uuid', nullable: true }) systemProviderId?: string | null;
  @Property({ type: 'uuid', nullable: true }) resellerId?: string | null;
  @Property({ type: 'uuid', nullable: true }) groupId?: string | null;
  @Property({ type: 'text' }) email!: string;
  @Property({ type: 'text' }) emailKey!: string;
  @Property({ type: 'text' }) name!: string;
  /** What the SOAP API calls them; unique in the system provider. */
  @Property({ type: 'text', nullable: true }) userName?: string | null;
  @Property({ type: 'text', nullable: true }) userNameKey?: string | null;
  @Property({ type: 'text', nullable: true }) timezone?: string | null;
  @Property({ type: 'text' }) role!: PortalRole;
  @Property({ type: 'boolean' }) readsTexts = false;
  /** argon2id, with its parameters inside. */
  @Property({ type: 'text', hidden: true }) passwordHash!: string;
  @Property({ type: 'boolean' }) technicalEmails = false;
  @Property({ type: 'boolean' }) alerts = false;
  @Property({ type: 'boolean' }) invoicesAndReceipts = false;
  @Property({ type: 'boolean' }) licenseExpiryAlerts = false;
  @Property({ type: 'datetime', nullable: true }) lockedAt?: Date | null;
  @Property({ type: 'datetime', nullable: true }) lastSuccessfulLoginAt?: Date | null;
  @Property({ type: 'datetime', nullable: true }) lastUnsuccessfulLoginAt?: Date | null;
  @Property({ type: 'integer' }) version = 1;
  @Property({ type: 'datetime' }) createdAt!: Date;
  @Property({ type: 'datetime', nullable: true }) endedAt?: Date | null;

  static create(
    given: Pick<
      CreatePortalUser,
      'email' | 'name' | 'userName' | 'timezone' | 'role' | 'readsTexts' | 'notifications'
    > & {
      level: PortalUserView['level'];
    },
    node: PortalNode,
    passwordHash: string,
    at: Date,
  ): PortalUser {
    const { level, email, name, role, notifications } = given;
    const user = Object.assign(new PortalUser(), {
      id: newId(),
      level,
      systemProviderId: node.systemProviderId ?? null,
      resellerId: node.resellerId ?? null,
      groupId: node.groupId ?? null,
      email,
      emailKey: emailKeyOf(email),
      name,
      userName: given.userName ?? null,
      userNameKey: given.userName?.toLowerCase() ?? null,
      timezone: given.timezone ?? null,
      role,
      readsTexts: given.readsTexts ?? false,
      passwordHash,
      createdAt: at,
    });
    applyChanges<PortalUser>(user, notifications, SWITCHES);
    return user;
  }

  /** The password shows in the changes as the fact that it changed. */
  update(given: Omit<UpdatePortalUser, 'id' | 'version' | 'password'>, passwordHash?: string): Changes {
    const { notifications, ...fields } = given;
    const changes = applyChanges<PortalUser>(
      this,
      fields,
      ['name', 'email', 'role', 'readsTexts'],
      ['userName', 'timezone'],
    );
    if (notifications) Object.assign(changes, applyChanges<PortalUser>(this, notifications, SWITCHES));
    this.emailKey = emailKeyOf(this.email);
    this.userNameKey = this.userName?.toLowerCase() ?? null;
    if (passwordHash) {
      this.passwordHash = passwordHash;
      changes['password'] = { from: 'not shown', to: 'not shown' };
    }
    if (!isEmpty(changes)) this.version += 1;
    return changes;
  }

  /** False when it is locked already. */
  lock(at: Date): boolean {
    if (this.lockedAt) return false;
    this.lockedAt = at;
    this.version += 1;
    return true;
  }

  unlock(): boolean {
    if (!this.lockedAt) return false;
    this.lockedAt = null;
    this.version += 1;
    return true;
  }

  setPassword(passwordHash: string): void {
    this.passwordHash = passwordHash;
    this.version += 1;
  }

  end(at: Date): void {
    this.endedAt = at;
    this.version += 1;
  }

  /** Notified of trouble at the system provider: what the alert guard counts. */
  get receivesAlerts(): boolean {
    return this.level === 'system-provider' && this.alerts && !this.lockedAt && !this.endedAt;
  }

  /** @param timezone of the system provider, for those without one of their own */
  asRecipient(timezone: string): AlertRecipient {
    return { portalUserId: this.id, email: this.email, name: this.name, timezone: this.timezone ?? timezone };
  }

  /** Below the node of a scope, or at it without the right to change anything. */
  isWeakerThan({ level, id }: TenantScope): boolean {
    if (LEVELS.indexOf(this.level) < LEVELS.indexOf(level)) return false;
    return this.nodeId !== id || this.role !== 'administrator';
  }

  get nodeId(): string {
    return this.groupId ?? this.resellerId ?? this.systemProviderId ?? '';
  }

  /** Nobody outside needs to know of the operators. */
  saved(): Fact<PortalUserSavedV1> | undefined {
    const { id: portalUserId, level, systemProviderId, nodeId, name, email } = this;
    if (level === 'platform' || !systemProviderId) return undefined;
    return factOf(PortalUserSavedV1, this.about(), { portalUserId, systemProviderId, level, nodeId, name, email });
  }

  deleted({ kind, id, name, ip }: Actor): Fact<PortalUserDeletedV1> | undefined {
    const { id: portalUserId, systemProviderId } = this;
    if (!systemProviderId) return undefined;
    const actor = { kind, id, name, ...(ip ? { ip } : {}) };
    return factOf(PortalUserDeletedV1, this.about(), { portalUserId, systemProviderId, actor });
  }

  private about() {
    return { subject: this.id, sequence: this.version, tenantId: this.systemProviderId! };
  }

  historyObject(): HistoryObject {
    const { id, email, systemProviderId, resellerId, groupId } = this;
    return { kind: 'portal-user', id, name: email, systemProviderId, resellerId, groupId };
  }

  principal(): PrincipalView {
    const { id: portalUserId, email, name, role, readsTexts, level, nodeId } = this;
    return {
      portalUserId,
      email,
      name,
      role,
      readsTexts,
      scope: { level, id: nodeId, systemProviderId: this.systemProviderId ?? '' },
    };
  }

  view(): PortalUserView {
    const { id, level, nodeId, email, name, role, version } = this;
    const notifications: NotificationSwitches = {
      technicalEmails: this.technicalEmails,
      alerts: this.alerts,
      invoicesAndReceipts: this.invoicesAndReceipts,
      licenseExpiryAlerts: this.licenseExpiryAlerts,
    };
    return {
      id,
      level,
      nodeId,
      email,
      name,
      ...(this.userName ? { userName: this.userName } : {}),
      ...(this.timezone ? { timezone: this.timezone } : {}),
      role,
      readsTexts: this.readsTexts,
      notifications,
      locked: this.lockedAt != null,
      ...(this.lockedAt ? { lockedAt: this.lockedAt.toISOString() } : {}),
      ...(this.lastSuccessfulLoginAt ? { lastSuccessfulLoginAt: this.lastSuccessfulLoginAt.toISOString() } : {}),
      ...(this.lastUnsuccessfulLoginAt ? { lastUnsuccessfulLoginAt: this.lastUnsuccessfulLoginAt.toISOString() } : {}),
      version,
      createdAt: this.createdAt.toISOString(),
    };
  }
}
