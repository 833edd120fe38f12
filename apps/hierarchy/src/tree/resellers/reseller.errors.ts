import { AppError } from '@strowger/kernel';

export class ResellerExists extends AppError {
  constructor(key: string) {
    super(
      'conflict',
      'reseller-exists',
      `This system provider already has a reseller with the id '${key}'. Use that one, or give another id.`,
      { key },
    );
  }
}
