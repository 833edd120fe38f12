import type { LicenseView } from '@strowger/contracts-hierarchy';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { rankOf, PRODUCTS } from './catalog.js';

/** Whose license it is; the user's nodes are copied so that usage can be counted per reseller and group. */
export interface Licensee {
  id: string;
  systemProviderId: string;
  resellerId: string;
  groupId: string;
}

/** One permanent license of a product held by a user, until it ends. */
@Entity({ tableName: 'license_assignment' })
export class LicenseAssignment {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'uuid' }) userId!: string;
  @Property({ type: 'uuid' }) systemProviderId!: string;
  @Property({ type: 'uuid' }) resellerId!: string;
  @Property({ type: 'uuid' }) groupId!: string;
  @Property({ type: 'uuid' }) poolId!: string;
  @Property({ type: 'text' }) application!: string;
  @Property({ type: 'text' }) licenseType!: string;
  @Property({ type: 'datetime' }) assignedAt!: Date;
  /** Assigning is one thing, consuming another: it is consumed when it first serves a client. */
  @Property({ type: 'datetime', nullable: true }) firstConsumedAt?: Date | null;
  @Property({ type: 'datetime', nullable: true }) lastConsumedAt?: Date | null;
  @Property({ type: 'datetime', nullable: true }) suspendedAt?: Date | null;
  @Property({ type: 'datetime', nullable: true }) endedAt?: Date | null;

  get messaging(): boolean {
    return PRODUCTS[rankOf(this.application, this.licenseType)]?.messaging ?? false;
  }

  view(): LicenseView {
    const { id, userId, application, licenseType, messaging } = this;
    return {
      id,
      userId,
      application,
      licenseType,
      messaging,
      assignedAt: this.assignedAt.toISOString(),
      ...(this.firstConsumedAt ? { firstConsumedAt: this.firstConsumedAt.toISOString() } : {}),
      ...(this.lastConsumedAt ? { lastConsumedAt: this.lastConsumedAt.toISOString() } : {}),
      ...(this.suspendedAt ? { suspendedAt: this.suspendedAt.toISOString() } : {}),
    };
  }
}
