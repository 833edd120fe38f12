import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

/** A platform exists, or is about to be saved: its system provider must keep someone who receives alerts. */
@Entity({ tableName: 'alert_hold' })
export class AlertHold {
  @PrimaryKey({ type: 'uuid' }) platformId!: string;
  @Property({ type: 'uuid' }) systemProviderId!: string;
  @Property({ type: 'datetime' }) createdAt!: Date;
}
