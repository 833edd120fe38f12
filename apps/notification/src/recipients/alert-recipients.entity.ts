import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import type { AlertRecipient } from '@strowger/contracts-hierarchy';

/** Who receives a system provider's alerts, as hierarchy last said. */
@Entity({ tableName: 'alert_recipients' })
export class AlertRecipients {
  @PrimaryKey({ type: 'uuid' }) systemProviderId!: string;
  /** bigint in the database; stays far below 2^53. */
  @Property({ type: 'bigint' }) sequence!: number;
  @Property({ type: 'text' }) systemProviderName!: string;
  @Property({ type: 'json' }) recipients!: AlertRecipient[];
}
