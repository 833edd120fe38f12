import { AppError } from '@strowger/kernel';

/** What must go first, by kind and number. */
export class ProviderNotEmpty extends AppError {
  constructor(id: string, holds: { resellers: number; children: number; platforms: number }) {
    const parts = [
      [holds.resellers, 'reseller'],
      [holds.children, 'child system provider'],
      [holds.platforms, 'CPaaS platform'],
    ] as const;
    const list = parts.filter(([n]) => n > 0).map(([n, what]) => `${n} ${what}${n === 1 ? '' : 's'}`);
    super(
      'conflict',
      'provider-not-empty',
      `This system provider still has ${list.join(', ')}. Delete them first, then the system provider.`,
      { id, ...holds },
    );
  }
}

export class OwnProvider extends AppError {
  constructor() {
    super(
      'forbidden',
      'own-provider',
      'A system provider can’t delete itself. The system provider above it, or the operator of this installation, can.',
    );
  }
}
