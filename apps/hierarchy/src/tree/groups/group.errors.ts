import { AppError } from '@strowger/kernel';

export class GroupExists extends AppError {
  constructor(key: string) {
    super(
      'conflict',
      'group-exists',
      `This reseller already has a group with the id '${key}'. Use that one, or give another id.`,
      { key },
    );
  }
}
