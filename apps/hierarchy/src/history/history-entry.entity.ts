import type { HistoryEntryView } from '@strowger/contracts-hierarchy';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

/** Who did what to which object, when, from which address. Never changed, never removed: the database refuses it. */
@Entity({ tableName: 'history_entry' })
export class HistoryEntry {
  /** UUIDv7, so the order of ids is the order of time. */
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'datetime' }) at!: Date;
  @Property({ type: 'text' }) actorKind!: string;
  @Property({ type: 'text' }) actorId!: string;
  @Property({ type: 'text' }) actorName!: string;
  @Property({ type: 'text', nullable: true }) ip?: string | null;
  @Property({ type: 'text' }) action!: string;
  @Property({ type: 'text' }) objectKind!: string;
  @Property({ type: 'text' }) objectId!: string;
  @Property({ type: 'text' }) objectName!: string;
  @Property({ type: 'json' }) changes!: Record<string, unknown>;
  @Property({ type: 'uuid', nullable: true }) systemProviderId?: string | null;
  @Property({ type: 'uuid', nullable: true }) resellerId?: string | null;
  @Property({ type: 'uuid', nullable: true }) groupId?: string | null;
  @Property({ type: 'uuid', nullable: true }) userId?: string | null;

  view(): HistoryEntryView {
    const { id, actorKind, actorName, action, objectKind, objectId, objectName, changes } = this;
    return {
      id,
      at: this.at.toISOString(),
      actorKind,
      actorName,
      ...(this.ip ? { ip: this.ip } : {}),
      action,
      objectKind,
      objectId,
      objectName,
      changes,
    };
  }
}
