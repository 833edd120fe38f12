import { UserDeletedV1, UserSavedV1 } from '@strowger/contracts-hierarchy';
import { Consumer, HandlesMany, type Received } from '@strowger/messaging';
import { NumberOwners } from './number-owners.service.js';

@Consumer('provisioning-user-numbers')
export class UserNumbersConsumer {
  constructor(private readonly owners: NumberOwners) {}

  @HandlesMany(UserSavedV1)
  async onSaved(users: Received<UserSavedV1>[]): Promise<void> {
    await this.owners.saved(users);
  }

  @HandlesMany(UserDeletedV1)
  async onDeleted(users: Received<UserDeletedV1>[]): Promise<void> {
    await this.owners.deleted(users.map(({ data }) => data.userId));
  }
}
