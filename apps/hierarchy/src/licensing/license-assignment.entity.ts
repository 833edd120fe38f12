import type { LicenseView, ProductView } from '@strowger/contracts-hierarchy';
import { newId } from '@strowger/kernel';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { rankOf, PRODUCTS } from './catalogue.js';

/** Whose seat it is; the user's nodes are copied so that usage can be counted per reseller and group. */
export interface Licensee {
  id: string;
  systemProviderId: string;
  resellerId: string;
  groupId: string;
}

/** One seat of a product held by a user, until it ends. */
@Entity({ tableName: 'license_assignment' })
export class LicenseAssignment {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'uuid' }) userId!: string;
  @Property({ type: 'uuid' }) systemProviderId!: string;
  @Property({ type: 'uuid' }) resellerId!: string;
  @Property({ type: 'uuid' }) groupId!: string;
  @Property({ type: 'text' }) application!: string;
  @Property({ type: 'text' }) licenseType!: string;
  @Property({ type: 'datetime' }) assignedAt!: Date;
  @Property({ type: 'datetime', nullable: true }) endedAt?: Date | null;

  static create(user: Licensee, { application, licenseType }: ProductView, at: Date): LicenseAssignment {
    const { id: userId, systemProviderId, resellerId, groupId } = user;
    return Object.assign(new LicenseAssignment(), {
      id: newId(),
      userId,
      systemProviderId,
      resellerId,
      groupId,
      application,
      licenseType,
      assignedAt: at,
    });
  }

  get messaging(): boolean {
    return PRODUCTS[rankOf(this.application, this.licenseType)]?.messaging ?? false;
  }

  view(): LicenseView {
    const { id, userId, application, licenseType, messaging } = this;
    return { id, userId, application, licenseType, messaging, assignedAt: this.assignedAt.toISOString() };
  }
}
