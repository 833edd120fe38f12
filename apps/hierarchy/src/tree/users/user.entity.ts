import {
  UserDeletedV1,
  UserSavedV1,
  type ChangeUserSettings,
  type CreateUser,
  type UpdateUser,
  type UserView,
} from '@strowger/contracts-hierarchy';
import { factOf, newId, type Fact } from '@strowger/kernel';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { applyChanges, isEmpty, type Changes } from '../../history/changes.js';
import type { HistoryObject } from '../../history/history.service.js';
import { SETTINGS_AT } from '../../nodes/settings.js';
import { userKeyOf } from '../keys.js';

/**
 * A BroadWorks user. The id is kept exactly as given, because clients match it; it is unique without case among the
 * active users of a system provider.
 */
@Entity({ tableName: 'app_user' })
export class User {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'uuid' }) systemProviderId!: string;
  @Property({ type: 'uuid' }) resellerId!: string;
  @Property({ type: 'uuid' }) groupId!: string;
  @Property({ type: 'text' }) broadworksUserId!: string;
  @Property({ type: 'text' }) broadworksUserKey!: string;
  @Property({ type: 'text' }) name!: string;
  @Property({ type: 'text', nullable: true }) timezone?: string | null;
  @Property({ type: 'text', nullable: true }) language?: string | null;
  @Property({ type: 'text', nullable: true }) brandingReference?: string | null;
  @Property({ type: 'text', nullable: true }) externalReference?: string | null;
  /** Kept by licensing. */
  @Property({ type: 'boolean' }) messagingEntitled = false;
  @Property({ type: 'integer' }) version = 1;
  @Property({ type: 'datetime' }) createdAt!: Date;
  @Property({ type: 'datetime', nullable: true }) endedAt?: Date | null;

  static create(
    given: CreateUser,
    parent: { id: string; resellerId: string; systemProviderId: string },
    at: Date,
  ): User {
    return Object.assign(new User(), {
      id: newId(),
      systemProviderId: parent.systemProviderId,
      resellerId: parent.resellerId,
      groupId: parent.id,
      broadworksUserId: given.broadworksUserId,
      broadworksUserKey: userKeyOf(given.broadworksUserId),
      name: given.name ?? '',
      timezone: given.timezone ?? null,
      language: given.language ?? null,
      externalReference: given.externalReference ?? null,
      createdAt: at,
    });
  }

  /** Counts the version up only if something changed. A group given is where the user is from now on. */
  update(given: Omit<UpdateUser, 'id' | 'version'>, group?: { id: string; resellerId: string }): Changes {
    const { id: groupId, resellerId } = group ?? { id: this.groupId, resellerId: this.resellerId };
    const changes = applyChanges<User>(
      this,
      { ...given, groupId, resellerId },
      ['broadworksUserId', 'name', 'groupId', 'resellerId'],
      ['timezone', 'language', 'externalReference'],
    );
    if (isEmpty(changes)) return changes;
    this.broadworksUserKey = userKeyOf(this.broadworksUserId);
    this.version += 1;
    return changes;
  }

  changeSettings(given: Omit<ChangeUserSettings, 'id' | 'version'>): Changes {
    const changes = applyChanges<User>(this, given, [], SETTINGS_AT.user);
    if (!isEmpty(changes)) this.version += 1;
    return changes;
  }

  saved(): Fact<UserSavedV1> {
    const { id: userId, systemProviderId, resellerId, groupId, broadworksUserId, name } = this;
    return factOf(
      UserSavedV1,
      { subject: userId, sequence: this.version, tenantId: systemProviderId },
      {
        userId,
        systemProviderId,
        resellerId,
        groupId,
        broadworksUserId,
        name,
        ...(this.timezone ? { timezone: this.timezone } : {}),
      },
    );
  }

  /** Ends the user. The fact covers the entitlement: nobody needs another one about it. */
  end(at: Date): Fact<UserDeletedV1> {
    this.endedAt = at;
    this.messagingEntitled = false;
    this.version += 1;
    const { id: userId, systemProviderId } = this;
    return factOf(
      UserDeletedV1,
      { subject: userId, sequence: this.version, tenantId: systemProviderId },
      { userId, systemProviderId },
    );
  }

  historyObject(): HistoryObject {
    const { id, name, systemProviderId, resellerId, groupId } = this;
    return { kind: 'user', id, name, systemProviderId, resellerId, groupId, userId: id };
  }

  view(): UserView {
    const { id, systemProviderId, resellerId, groupId, broadworksUserId, name, messagingEntitled, version } = this;
    return {
      id,
      systemProviderId,
      resellerId,
      groupId,
      broadworksUserId,
      name,
      ...(this.timezone ? { timezone: this.timezone } : {}),
      ...(this.language ? { language: this.language } : {}),
      ...(this.externalReference ? { externalReference: this.externalReference } : {}),
      messagingEntitled,
      version,
      createdAt: this.createdAt.toISOString(),
    };
  }
}
