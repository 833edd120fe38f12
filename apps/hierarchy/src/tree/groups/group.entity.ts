import {
  GroupDeletedV1,
  type ChangeGroupSettings,
  type CreateGroup,
  type GroupView,
  type UpdateGroup,
} from '@strowger/contracts-hierarchy';
import { factOf, newId, type Actor, type Fact } from '@strowger/kernel';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { actingPerson } from '../../history/acting-person.js';
import { applyChanges, isEmpty, type Changes } from '../../history/changes.js';
import type { HistoryObject } from '../../history/history.service.js';
import { SETTINGS_AT } from '../../nodes/settings.js';

/** BroadWorks group. `key` is its id there, unique in its reseller, kept and compared exactly. */
@Entity({ tableName: 'reseller_group' })
export class Group {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'uuid' }) systemProviderId!: string;
  @Property({ type: 'uuid' }) resellerId!: string;
  @Property({ type: 'text' }) key!: string;
  @Property({ type: 'text' }) name!: string;
  @Property({ type: 'text', nullable: true }) timezone?: string | null;
  @Property({ type: 'text', nullable: true }) language?: string | null;
  @Property({ type: 'text', nullable: true }) brandingReference?: string | null;
  @Property({ type: 'integer' }) version = 1;
  @Property({ type: 'datetime' }) createdAt!: Date;
  @Property({ type: 'datetime', nullable: true }) endedAt?: Date | null;

  static create(given: CreateGroup, parent: { id: string; systemProviderId: string }, at: Date): Group {
    const { key, name = '' } = given;
    const { id: resellerId, systemProviderId } = parent;
    return Object.assign(new Group(), { id: newId(), systemProviderId, resellerId, key, name, createdAt: at });
  }

  /** Counts the version up only if something changed. */
  update({ key, name }: Pick<UpdateGroup, 'key' | 'name'>): Changes {
    const changes = applyChanges<Group>(this, { key, name }, ['key', 'name']);
    if (!isEmpty(changes)) this.version += 1;
    return changes;
  }

  changeSettings(given: Omit<ChangeGroupSettings, 'id' | 'version'>): Changes {
    const changes = applyChanges<Group>(this, given, [], SETTINGS_AT.group);
    if (!isEmpty(changes)) this.version += 1;
    return changes;
  }

  /** Ends the group; what is below it ends beside it. */
  end(at: Date, actor: Actor): Fact<GroupDeletedV1> {
    this.endedAt = at;
    this.version += 1;
    const { id: groupId, resellerId, systemProviderId } = this;
    return factOf(
      GroupDeletedV1,
      { subject: groupId, sequence: this.version, tenantId: systemProviderId },
      { groupId, resellerId, systemProviderId, actor: actingPerson(actor) },
    );
  }

  historyObject(): HistoryObject {
    const { id, name, systemProviderId, resellerId } = this;
    return { kind: 'group', id, name, systemProviderId, resellerId, groupId: id };
  }

  view(): GroupView {
    const { id, systemProviderId, resellerId, key, name, version } = this;
    return { id, systemProviderId, resellerId, key, name, version, createdAt: this.createdAt.toISOString() };
  }
}
