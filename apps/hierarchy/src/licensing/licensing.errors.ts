import type { ProductView } from '@strowger/contracts-hierarchy';
import { AppError } from '@strowger/kernel';

type Product = Pick<ProductView, 'application' | 'licenseType'>;

/** Levels in the order in which the invariants I3, I2 and I1 are tested. */
export type LicenseLevel = 'group' | 'reseller' | 'provider';

/** As the database's functions answer: what was asked of a level, and what is free there. */
export interface LicenseRefusal {
  level: LicenseLevel;
  requested: number;
  available: number;
}

const nameOf = ({ application, licenseType }: Product): string => `${application} ${licenseType}`;
const HOLDER = { group: 'group', reseller: 'reseller', provider: 'system provider' } as const;
const REMEDY = {
  group: "Remove one from another user of the group, or have the group's sub-purchase raised.",
  reseller:
    "Remove one from another user of the reseller, have the reseller's sub-purchase raised, or let the reseller oversell.",
  provider: 'Remove one from another user, or have more purchased.',
} as const;

/** Codes `insufficient-group-licenses`, `insufficient-reseller-licenses`, `insufficient-provider-licenses`. */
export class InsufficientLicenses extends AppError {
  constructor(product: Product, { level, requested, available }: LicenseRefusal, neverPurchased = false) {
    const stock = neverPurchased
      ? `The system provider has purchased no ${nameOf(product)} licenses; requested: ${requested}, available: 0.`
      : `The ${HOLDER[level]} has too few ${nameOf(product)} licenses; requested: ${requested}, available: ${available}.`;
    super('conflict', `insufficient-${level}-licenses`, `${stock} ${REMEDY[level]}`, {
      ...{ application: product.application, licenseType: product.licenseType },
      ...{ level, requested, available },
    });
  }
}

/** A quantity can't be set below what is drawn from it; `committed` is that. */
export class QuantityBelowCommitted extends AppError {
  constructor(product: Product, holder: LicenseLevel, quantity: number, committed: number) {
    super(
      'conflict',
      'quantity-below-committed',
      `${committed} ${nameOf(product)} licenses of the ${HOLDER[holder]} are assigned or reserved, so it can't have ${quantity}. Leave at least ${committed}, or remove licenses first.`,
      {
        ...{ application: product.application, licenseType: product.licenseType },
        ...{ level: holder, quantity, committed },
      },
    );
  }
}

/** Purchases are what the seller notes, not the buyer. */
export class SellerOnly extends AppError {
  constructor() {
    super(
      'forbidden',
      'operator-only',
      'Only the operator of this installation, or for a child provider the system provider above it, may set what a system provider has purchased. Ask them to do it.',
    );
  }
}

/** A sub-purchase is given by the level above. */
export class GrantedFromAbove extends AppError {
  constructor(what: string, by: 'system provider' | 'reseller') {
    super('forbidden', 'level-too-low', `Only the ${by} may set ${what}. Ask them to do it.`, { needs: by });
  }
}

/** The standing purchase is set by its product, never renewed or ended by itself. */
export class StandingPurchase extends AppError {
  constructor() {
    super(
      'conflict',
      'standing-purchase',
      'This is the standing purchase of its product: it has no term. Add a purchase for a term beside it.',
    );
  }
}

/** Others kept changing the same licenses. */
export class LicensesContended extends AppError {
  constructor(options: { cause: unknown }) {
    super(
      'conflict',
      'conflict',
      'Others changed the same licenses at this moment. Nothing was done: repeat it.',
      {},
      options,
    );
  }
}
