import { AppError } from '@strowger/kernel';

export class InsufficientProviderLicenses extends AppError {
  constructor(application: string, licenseType: string, quantity: number) {
    const stock =
      quantity === 0
        ? `The system provider has purchased no ${application} ${licenseType} licenses.`
        : `All ${quantity} ${application} ${licenseType} licenses of the system provider are assigned.`;
    super(
      'conflict',
      'insufficient-provider-licenses',
      `${stock} Remove one from another user, or have more purchased.`,
      { application, licenseType, quantity, free: 0 },
    );
  }
}

export class QuantityBelowCommitted extends AppError {
  constructor(application: string, licenseType: string, quantity: number, used: number) {
    super(
      'conflict',
      'quantity-below-committed',
      `${used} ${application} ${licenseType} licenses are assigned, so the quantity can't be ${quantity}. Set at least ${used}, or remove licenses from users first.`,
      { application, licenseType, quantity, used },
    );
  }
}
