import type { TimelineEntryView } from '@strowger/contracts-provisioning';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

/** One thing that happened to a number; never changed. */
@Entity({ tableName: 'timeline_entry' })
export class TimelineEntry {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'uuid' }) numberId!: string;
  @Property({ type: 'datetime' }) at!: Date;
  @Property({ type: 'text' }) event!: string;
  @Property({ type: 'text' }) summary!: string;
  @Property({ type: 'json', nullable: true }) exchange?: Record<string, unknown> | null;

  view(): TimelineEntryView {
    const { id, event, summary, exchange } = this;
    return { id, at: this.at.toISOString(), event, summary, ...(exchange ? { exchange } : {}) };
  }
}
