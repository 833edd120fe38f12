import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { ProductView } from '@strowger/contracts-hierarchy';
import { Clock, type Actor } from '@strowger/kernel';
import { Db, isRetryable, sql } from '@strowger/persistence';
import type { LicensePurchase } from './license-purchase.entity.js';
import { LicensesContended, QuantityBelowCommitted } from './licensing.errors.js';

/** The rows that balances are kept in. Anyone who changes one holds its pool's lock. */
@Injectable()
export class PoolsService {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
  ) {}

  /** The pool, made where there is none, locked until the transaction ends. */
  async lock(
    systemProviderId: string,
    { application, licenseType }: Pick<ProductView, 'application' | 'licenseType'>,
  ): Promise<{ id: string; systemProviderId: string }> {
    const [pool] = await this.db.query<{ id: string }>(
      sql`select id from lock_license_pool(${systemProviderId}, ${application}, ${licenseType})`,
    );
    return { id: pool!.id, systemProviderId };
  }

  /**
   * Brings a purchase's change to its pool and the ledger. The caller holds the pool.
   * @throws QuantityBelowCommitted when what remains is less than what is committed
   */
  async purchaseChanged(em: EntityManager, actor: Actor, purchase: LicensePurchase, action: string): Promise<void> {
    await em.flush();
    const { id, poolId, systemProviderId, state } = purchase;
    const [pool] = await this.db.query<{ refused: boolean; committed: number; own: number }>(
      sql`select refused, committed, own_after as own from settle_license_pool(${poolId}, true)`,
    );
    if (pool!.refused) throw new QuantityBelowCommitted(purchase, 'provider', pool!.own, pool!.committed);
    await this.db.query(sql`
      insert into license_ledger (at, system_provider_id, pool_id, kind, action, item_id, quantity, counts, actor_kind,
          actor_id)
        values (${this.clock.now()}, ${systemProviderId}, ${poolId}, 'purchase', ${action}, ${id},
          ${purchase.quantity ?? null}, ${state === 'active'}, ${actor.kind}, ${actor.id})`);
  }

  /** A transaction. When others stand in its way again and again, the caller may repeat it: LicensesContended. */
  async transactional<T>(work: (em: EntityManager) => Promise<T>): Promise<T> {
    if (this.db.inTransaction) return this.db.transactional(work);
    try {
      return await this.db.transactional(work);
    } catch (error) {
      throw isRetryable(error) ? new LicensesContended({ cause: error }) : error;
    }
  }

  /** One statement, a transaction by itself where the caller is in none. */
  async statement<T>(run: () => Promise<T>): Promise<T> {
    if (this.db.inTransaction) {
      await this.db.em().flush();
      return run();
    }
    try {
      return await run();
    } catch (error) {
      if (!isRetryable(error)) throw error;
      return this.transactional(run);
    }
  }
}
