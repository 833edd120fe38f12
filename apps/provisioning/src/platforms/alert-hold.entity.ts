import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

/**
 * Our record of a hold at hierarchy's alert guard. `wanted`: asked for, the platform is not saved yet. `kept`: the platform
 * exists. `unwanted`: to be given back.
 */
@Entity({ tableName: 'alert_hold' })
export class AlertHoldIntent {
  @PrimaryKey({ type: 'uuid' }) platformId!: string;
  @Property({ type: 'uuid' }) systemProviderId!: string;
  @Property({ type: 'text' }) state!: 'wanted' | 'kept' | 'unwanted';
  @Property({ type: 'datetime' }) changedAt!: Date;
}
