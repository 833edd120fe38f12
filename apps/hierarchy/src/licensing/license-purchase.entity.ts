import type { ProductView, PurchaseState, PurchaseView, UpdatePurchase } from '@strowger/contracts-hierarchy';
import { InvalidInput, newId } from '@strowger/kernel';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { applyChanges, isEmpty, type Changes } from '../history/changes.js';

/** How long licenses go on working after their term: reference/provisioning-soap-api.md §6.4. */
export const GRACE_DAYS = 30;
const DAY_MS = 86_400_000;

export interface PurchaseTerms {
  /** Null: unlimited. */
  quantity: number | null;
  startsAt?: Date | null;
  /** Null: perpetual. */
  endsAt?: Date | null;
  reference?: string | null;
  standing?: boolean;
}

/** Licenses of one product bought at one time, for a term or for good. Only an active one counts in the pool. */
@Entity({ tableName: 'license_purchase' })
export class LicensePurchase {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'uuid' }) poolId!: string;
  @Property({ type: 'uuid' }) systemProviderId!: string;
  @Property({ type: 'text' }) application!: string;
  @Property({ type: 'text' }) licenseType!: string;
  @Property({ type: 'integer', nullable: true }) quantity?: number | null;
  @Property({ type: 'datetime' }) startsAt!: Date;
  @Property({ type: 'datetime', nullable: true }) endsAt?: Date | null;
  @Property({ type: 'text' }) state!: PurchaseState;
  @Property({ type: 'boolean' }) standing = false;
  @Property({ type: 'text', nullable: true }) reference?: string | null;
  @Property({ type: 'integer' }) version = 1;
  @Property({ type: 'datetime' }) createdAt!: Date;
  @Property({ type: 'datetime' }) updatedAt!: Date;
  @Property({ type: 'datetime', nullable: true }) endedAt?: Date | null;

  static create(
    pool: { id: string; systemProviderId: string },
    { application, licenseType }: Pick<ProductView, 'application' | 'licenseType'>,
    terms: PurchaseTerms,
    at: Date,
  ): LicensePurchase {
    const purchase = Object.assign(new LicensePurchase(), {
      id: newId(),
      poolId: pool.id,
      systemProviderId: pool.systemProviderId,
      application,
      licenseType,
      quantity: terms.quantity,
      startsAt: terms.startsAt ?? at,
      endsAt: terms.endsAt ?? null,
      reference: terms.reference ?? null,
      standing: terms.standing ?? false,
      createdAt: at,
      updatedAt: at,
    });
    if (purchase.endsAt && purchase.endsAt <= at) throw endsTooSoon('It must lie in the future.');
    purchase.checkTerm();
    purchase.state = purchase.stateAt(at);
    return purchase;
  }

  /** What is left out stays. A later end renews the term; the pool checks whether what remains is enough. */
  change(given: Omit<UpdatePurchase, 'id' | 'version' | 'endsAt'> & { endsAt?: Date | null }, at: Date): Changes {
    const { endsAt, ...fields } = given;
    const changes = applyChanges<LicensePurchase>(this, fields, [], ['quantity', 'reference']);
    if (endsAt !== undefined && endsAt?.getTime() !== this.endsAt?.getTime()) {
      changes['endsAt'] = { from: this.endsAt?.toISOString() ?? null, to: endsAt?.toISOString() ?? null };
      this.endsAt = endsAt;
      this.checkTerm();
    }
    if (!isEmpty(changes)) {
      this.version += 1;
      this.updatedAt = at;
      this.advance(at);
    }
    return changes;
  }

  /** Takes the state that time gives it. Undefined when it has it already. */
  advance(at: Date): { from: PurchaseState; to: PurchaseState } | undefined {
    const [from, to] = [this.state, this.stateAt(at)];
    if (from === to) return undefined;
    this.state = to;
    this.updatedAt = at;
    return { from, to };
  }

  end(at: Date): void {
    this.state = 'ended';
    this.endedAt = at;
    this.updatedAt = at;
    this.version += 1;
  }

  /** A bound belongs to what follows it: at the end of the term, the term is over. */
  stateAt(at: Date): PurchaseState {
    if (this.endedAt) return 'ended';
    if (at < this.startsAt) return 'scheduled';
    if (!this.endsAt || at < this.endsAt) return 'active';
    return at < this.graceEndsAt! ? 'grace' : 'suspended';
  }

  get graceEndsAt(): Date | undefined {
    return this.endsAt ? new Date(this.endsAt.getTime() + GRACE_DAYS * DAY_MS) : undefined;
  }

  view(): PurchaseView {
    const { id, systemProviderId, application, licenseType, quantity, state, standing, version } = this;
    return {
      id,
      systemProviderId,
      application,
      licenseType,
      ...(typeof quantity === 'number' ? { quantity } : {}),
      state,
      startsAt: this.startsAt.toISOString(),
      ...(this.endsAt ? { endsAt: this.endsAt.toISOString() } : {}),
      ...(this.reference ? { reference: this.reference } : {}),
      standing,
      version,
      createdAt: this.createdAt.toISOString(),
    };
  }

  private checkTerm(): void {
    if (this.endsAt && this.endsAt <= this.startsAt) throw endsTooSoon('It must lie after the start.');
  }
}

const endsTooSoon = (why: string): InvalidInput =>
  new InvalidInput([{ field: 'endsAt', rule: 'after', message: `The end of the term is too soon. ${why}` }]);
