import { Injectable } from '@nestjs/common';
import { LockMode, type EntityManager } from '@mikro-orm/postgresql';
import type { ProductView } from '@strowger/contracts-hierarchy';
import { Clock, newId } from '@strowger/kernel';
import { InsufficientProviderLicenses } from './licensing.errors.js';
import { rankOf } from './catalogue.js';
import { LicenseAssignment, type Licensee } from './license-assignment.entity.js';
import { LicensePurchase } from './license-purchase.entity.js';

/**
 * Takes and gives back seats under the lock of the provider's purchase row, so N parallel assignments on k free seats
 * give exactly k successes. Callers hold the user's row lock and take it first: one order, no deadlock.
 */
@Injectable()
export class SeatsService {
  constructor(private readonly clock: Clock) {}

  /** The active licence, old or new; `taken` is false when the user had it already. */
  async take(
    em: EntityManager,
    user: Licensee,
    product: ProductView,
  ): Promise<{ license: LicenseAssignment; taken: boolean }> {
    const { application, licenseType } = product;
    const active = await em.findOne(LicenseAssignment, { userId: user.id, application, licenseType, endedAt: null });
    if (active) return { license: active, taken: false };
    const purchase = await this.lock(em, user.systemProviderId, product);
    if (!purchase) throw new InsufficientProviderLicenses(application, licenseType, 0);
    purchase.take();
    const license = LicenseAssignment.create(user, product, this.clock.now());
    em.persist(license);
    return { license, taken: true };
  }

  async giveBack(em: EntityManager, license: LicenseAssignment): Promise<void> {
    const purchase = await this.lock(em, license.systemProviderId, license);
    purchase?.giveBack();
    license.endedAt = this.clock.now();
  }

  /** Ends every licence of the user and tells which they were. */
  async giveBackAll(em: EntityManager, user: Licensee): Promise<LicenseAssignment[]> {
    const licenses = await this.heldBy(em, user.id);
    for (const license of licenses) await this.giveBack(em, license);
    return licenses;
  }

  /** Active licences in the order of the catalogue, which is also the order in which purchases are locked. */
  async heldBy(em: EntityManager, userId: string): Promise<LicenseAssignment[]> {
    const licenses = await em.find(LicenseAssignment, { userId, endedAt: null });
    return licenses.sort((a, b) => rankOf(a.application, a.licenseType) - rankOf(b.application, b.licenseType));
  }

  async lockOrAdd(em: EntityManager, systemProviderId: string, product: ProductView): Promise<LicensePurchase> {
    // Two first purchases at once: the second waits here and finds the first one's row below.
    await em.execute(
      `insert into license_purchase (id, system_provider_id, application, license_type, quantity, created_at, updated_at)
       values (?, ?, ?, ?, 0, now(), now()) on conflict (system_provider_id, application, license_type) do nothing`,
      [newId(), systemProviderId, product.application, product.licenseType],
    );
    const purchase = await this.lock(em, systemProviderId, product);
    if (!purchase) throw new Error('a purchase row vanished');
    return purchase;
  }

  private lock(
    em: EntityManager,
    systemProviderId: string,
    { application, licenseType }: Pick<ProductView, 'application' | 'licenseType'>,
  ): Promise<LicensePurchase | null> {
    return em.findOne(
      LicensePurchase,
      { systemProviderId, application, licenseType },
      { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true },
    );
  }
}
