import type { PurchaseView } from '@strowger/contracts-hierarchy';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { InsufficientProviderLicenses, QuantityBelowCommitted } from './licensing.errors.js';

/**
 * What a system provider owns of one product. `used` is kept under this row's lock, so taking a seat costs the same
 * with a million users. It counts assigned licences, consumed or not.
 */
@Entity({ tableName: 'license_purchase' })
export class LicensePurchase {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'uuid' }) systemProviderId!: string;
  @Property({ type: 'text' }) application!: string;
  @Property({ type: 'text' }) licenseType!: string;
  @Property({ type: 'integer' }) quantity = 0;
  @Property({ type: 'integer' }) used = 0;
  @Property({ type: 'datetime' }) createdAt!: Date;
  @Property({ type: 'datetime' }) updatedAt!: Date;

  /** False when it already is that many. */
  setQuantity(quantity: number, at: Date): boolean {
    if (quantity === this.quantity) return false;
    if (quantity < this.used) throw new QuantityBelowCommitted(this.application, this.licenseType, quantity, this.used);
    this.quantity = quantity;
    this.updatedAt = at;
    return true;
  }

  take(): void {
    if (this.used >= this.quantity)
      throw new InsufficientProviderLicenses(this.application, this.licenseType, this.quantity);
    this.used += 1;
  }

  giveBack(): void {
    if (this.used === 0) throw new Error(`no seat of purchase ${this.id} is taken`);
    this.used -= 1;
  }

  view(): PurchaseView {
    const { systemProviderId, application, licenseType, quantity, used } = this;
    return { systemProviderId, application, licenseType, quantity, used, free: quantity - used };
  }
}
