import {
  ResellerDeletedV1,
  type ChangeResellerSettings,
  type CreateReseller,
  type ResellerView,
  type UpdateReseller,
} from '@strowger/contracts-hierarchy';
import { factOf, newId, type Actor, type Fact } from '@strowger/kernel';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { actingPerson } from '../../history/acting-person.js';
import { applyChanges, isEmpty, type Changes } from '../../history/changes.js';
import type { HistoryObject } from '../../history/history.service.js';
import { SETTINGS_AT } from '../../nodes/settings.js';

/** BroadWorks enterprise or service provider. `key` is its id there, kept and compared exactly. */
@Entity({ tableName: 'reseller' })
export class Reseller {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'uuid' }) systemProviderId!: string;
  @Property({ type: 'text' }) key!: string;
  @Property({ type: 'text' }) name!: string;
  @Property({ type: 'text' }) kind!: 'enterprise' | 'service-provider';
  @Property({ type: 'text', nullable: true }) timezone?: string | null;
  @Property({ type: 'text', nullable: true }) language?: string | null;
  @Property({ type: 'text', nullable: true }) brandingReference?: string | null;
  @Property({ type: 'text', nullable: true }) accountsReference?: string | null;
  @Property({ type: 'integer' }) version = 1;
  @Property({ type: 'datetime' }) createdAt!: Date;
  @Property({ type: 'datetime', nullable: true }) endedAt?: Date | null;

  static create(given: CreateReseller, systemProviderId: string, at: Date): Reseller {
    const { key, name = '', kind } = given;
    return Object.assign(new Reseller(), { id: newId(), systemProviderId, key, name, kind, createdAt: at });
  }

  /** Counts the version up only if something changed. */
  update({ key, name }: Pick<UpdateReseller, 'key' | 'name'>): Changes {
    const changes = applyChanges<Reseller>(this, { key, name }, ['key', 'name']);
    if (!isEmpty(changes)) this.version += 1;
    return changes;
  }

  changeSettings(given: Omit<ChangeResellerSettings, 'id' | 'version'>): Changes {
    const changes = applyChanges<Reseller>(this, given, [], SETTINGS_AT.reseller);
    if (!isEmpty(changes)) this.version += 1;
    return changes;
  }

  /** Ends the reseller; what is below it ends beside it. */
  end(at: Date, actor: Actor): Fact<ResellerDeletedV1> {
    this.endedAt = at;
    this.version += 1;
    const { id: resellerId, systemProviderId } = this;
    return factOf(
      ResellerDeletedV1,
      { subject: resellerId, sequence: this.version, tenantId: systemProviderId },
      { resellerId, systemProviderId, actor: actingPerson(actor) },
    );
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
