import type { ServerHostNameView } from '@strowger/contracts-hierarchy';
import { newId } from '@strowger/kernel';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { hostNameKeyOf } from '../keys.js';

/** A host name belongs to exactly one system provider, compared without case, shown as given. */
@Entity({ tableName: 'server_host_name' })
export class ServerHostName {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'uuid' }) systemProviderId!: string;
  @Property({ type: 'text' }) hostName!: string;
  @Property({ type: 'text' }) hostNameKey!: string;
  @Property({ type: 'datetime' }) createdAt!: Date;
  @Property({ type: 'datetime', nullable: true }) endedAt?: Date | null;

  static create(systemProviderId: string, hostName: string, at: Date): ServerHostName {
    const hostNameKey = hostNameKeyOf(hostName);
    return Object.assign(new ServerHostName(), { id: newId(), systemProviderId, hostName, hostNameKey, createdAt: at });
  }

  view(): ServerHostNameView {
    return { hostName: this.hostName, createdAt: this.createdAt.toISOString() };
  }
}
