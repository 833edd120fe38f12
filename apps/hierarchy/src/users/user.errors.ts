import { AppError } from '@strowger/kernel';

export class UserExists extends AppError {
  constructor(broadworksUserId: string) {
    super(
      'conflict',
      'user-exists',
      `This system provider already has a user with the id '${broadworksUserId}' (capital and small letters count as the same). Use that user, or correct the id.`,
      { broadworksUserId },
    );
  }
}
