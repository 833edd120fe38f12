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

export class UserInOtherGroup extends AppError {
  constructor(broadworksUserId: string, where: { reseller: string; group: string }) {
    super(
      'conflict',
      'user-in-other-group',
      `The user '${broadworksUserId}' exists already, in the group '${where.group}' of the reseller '${where.reseller}'. Use that path, move the user, or correct the id.`,
      { broadworksUserId, ...where },
    );
  }
}
