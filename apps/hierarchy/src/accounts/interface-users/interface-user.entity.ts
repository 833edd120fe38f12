import type {
  CreateInterfaceUser,
  InterfaceUserAddress,
  InterfaceUserView,
  LockReason,
  UpdateInterfaceUser,
} from '@strowger/contracts-hierarchy';
import { newId } from '@strowger/kernel';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { applyChanges, isEmpty, type Changes } from '../../history/changes.js';
import type { HistoryObject } from '../../history/history.service.js';

/**
 * A login of the SOAP API at a system provider: full control there and below, and no way into the portal. Its first
 * failed login locks it.
 */
@Entity({ tableName: 'interface_user' })
export class InterfaceUser {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'uuid' }) systemProviderId!: string;
  /** `loginUserName` of every call. */
  @Property({ type: 'text' }) name!: string;
  @Property({ type: 'text' }) nameKey!: string;
  @Property({ type: 'text' }) email!: string;
  @Property({ type: 'text', nullable: true }) timezone?: string | null;
  @Property({ type: 'text', nullable: true }) description?: string | null;
  /** argon2id, with its parameters inside. */
  @Property({ type: 'text', hidden: true }) passwordHash!: string;
  /** Counts what ends logins verified before: another password or address list, a lock, disabling, deletion. */
  @Property({ type: 'integer' }) authRevision = 1;
  @Property({ type: 'boolean' }) disabled = false;
  @Property({ type: 'datetime', nullable: true }) lockedAt?: Date | null;
  @Property({ type: 'text', nullable: true }) lockReason?: LockReason | null;
  @Property({ type: 'datetime', nullable: true }) lastSuccessfulLoginAt?: Date | null;
  @Property({ type: 'datetime', nullable: true }) lastUnsuccessfulLoginAt?: Date | null;
  @Property({ type: 'text', nullable: true }) lastUnsuccessfulLoginRemark?: string | null;
  @Property({ type: 'integer' }) version = 1;
  @Property({ type: 'datetime' }) createdAt!: Date;
  @Property({ type: 'datetime', nullable: true }) endedAt?: Date | null;

  static nameKeyOf(userName: string): string {
    return userName.toLowerCase();
  }

  static create(given: CreateInterfaceUser, systemProviderId: string, passwordHash: string, at: Date): InterfaceUser {
    return Object.assign(new InterfaceUser(), {
      id: newId(),
      systemProviderId,
      name: given.userName,
      nameKey: InterfaceUser.nameKeyOf(given.userName),
      email: given.email,
      timezone: given.timezone ?? null,
      description: given.description ?? null,
      passwordHash,
      createdAt: at,
    });
  }

  update(given: Pick<UpdateInterfaceUser, 'email' | 'timezone' | 'description' | 'disabled'>): Changes {
    const changes = applyChanges<InterfaceUser>(this, given, ['email', 'disabled'], ['timezone', 'description']);
    if (changes['disabled']) this.authRevision += 1;
    if (!isEmpty(changes)) this.version += 1;
    return changes;
  }

  setPassword(passwordHash: string): void {
    this.passwordHash = passwordHash;
    this.authChanged();
  }

  /** False when it is locked already, which keeps its first reason. */
  lock(reason: LockReason, at: Date): boolean {
    if (this.lockedAt) return false;
    this.lockedAt = at;
    this.lockReason = reason;
    this.authChanged();
    return true;
  }

  unlock(): boolean {
    if (!this.lockedAt) return false;
    this.lockedAt = null;
    this.lockReason = null;
    this.authChanged();
    return true;
  }

  end(at: Date): void {
    this.endedAt = at;
    this.authChanged();
  }

  /** Verified logins of before count no longer. */
  authChanged(): void {
    this.authRevision += 1;
    this.version += 1;
  }

  refused(at: Date, remark: string): void {
    this.lastUnsuccessfulLoginAt = at;
    this.lastUnsuccessfulLoginRemark = remark;
  }

  historyObject(): HistoryObject {
    return { kind: 'interface-user', id: this.id, name: this.name, systemProviderId: this.systemProviderId };
  }

  view(addresses: InterfaceUserAddress[]): InterfaceUserView {
    const { id, systemProviderId, name: userName, email, disabled, version } = this;
    const time = (at: Date | null | undefined, field: string) => (at ? { [field]: at.toISOString() } : {});
    return {
      id,
      systemProviderId,
      userName,
      email,
      ...(this.timezone ? { timezone: this.timezone } : {}),
      ...(this.description ? { description: this.description } : {}),
      addresses,
      disabled,
      locked: this.lockedAt != null,
      ...time(this.lockedAt, 'lockedAt'),
      ...(this.lockReason ? { lockReason: this.lockReason } : {}),
      ...time(this.lastSuccessfulLoginAt, 'lastSuccessfulLoginAt'),
      ...time(this.lastUnsuccessfulLoginAt, 'lastUnsuccessfulLoginAt'),
      ...(this.lastUnsuccessfulLoginRemark ? { lastUnsuccessfulLoginRemark: this.lastUnsuccessfulLoginRemark } : {}),
      version,
      createdAt: this.createdAt.toISOString(),
    };
  }
}
