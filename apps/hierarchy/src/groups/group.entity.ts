import type { CreateGroup, GroupView } from '@strowger/contracts-hierarchy';
import { newId } from '@strowger/kernel';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { applyChanges, isEmpty, type Changes } from '../history/changes.js';
import type { HistoryObject } from '../history/history.service.js';

/** BroadWorks group. `key` is its id there, unique in its reseller, kept and compared exactly. */
@Entity({ tableName: 'reseller_group' })
export class Group {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'uuid' }) systemProviderId!: string;
  @Property({ type: 'uuid' }) resellerId!: string;
  @Property({ type: 'text' }) key!: string;
  @Property({ type: 'text' }) name!: string;
  @Property({ type: 'integer' }) version = 1;
  @Property({ type: 'datetime' }) createdAt!: Date;
  @Property({ type: 'datetime', nullable: true }) endedAt?: Date | null;

  static create(given: CreateGroup, parent: { id: string; systemProviderId: string }, at: Date): Group {
    const { key, name } = given;
    const { id: resellerId, systemProviderId } = parent;
    return Object.assign(new Group(), { id: newId(), systemProviderId, resellerId, key, name, createdAt: at });
  }

  rename(name: string): Changes {
    const changes = applyChanges<Group>(this, { name }, ['name']);
    if (!isEmpty(changes)) this.version += 1;
    return changes;
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
