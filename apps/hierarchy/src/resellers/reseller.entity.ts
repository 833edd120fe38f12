import type { CreateReseller, ResellerView } from '@strowger/contracts-hierarchy';
import { newId } from '@strowger/kernel';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { applyChanges, isEmpty, type Changes } from '../history/changes.js';
import type { HistoryObject } from '../history/history.service.js';

/** BroadWorks enterprise or service provider. `key` is its id there, kept and compared exactly. */
@Entity({ tableName: 'reseller' })
export class Reseller {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'uuid' }) systemProviderId!: string;
  @Property({ type: 'text' }) key!: string;
  @Property({ type: 'text' }) name!: string;
  @Property({ type: 'text' }) kind!: 'enterprise' | 'service-provider';
  @Property({ type: 'integer' }) version = 1;
  @Property({ type: 'datetime' }) createdAt!: Date;
  @Property({ type: 'datetime', nullable: true }) endedAt?: Date | null;

  static create(given: CreateReseller, systemProviderId: string, at: Date): Reseller {
    const { key, name, kind } = given;
    return Object.assign(new Reseller(), { id: newId(), systemProviderId, key, name, kind, createdAt: at });
  }

  rename(name: string): Changes {
    const changes = applyChanges<Reseller>(this, { name }, ['name']);
    if (!isEmpty(changes)) this.version += 1;
    return changes;
  }

  historyObject(): HistoryObject {
    const { id, name, systemProviderId } = this;
    return { kind: 'reseller', id, name, systemProviderId, resellerId: id };
  }

  view(): ResellerView {
    const { id, systemProviderId, key, name, kind, version } = this;
    return { id, systemProviderId, key, name, kind, version, createdAt: this.createdAt.toISOString() };
  }
}
