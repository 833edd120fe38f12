import { Inject } from '@nestjs/common';
import { UserDeletedV1, UserSavedV1 } from '@strowger/contracts-hierarchy';
import { Consumer, Handles, type Received } from '@strowger/messaging';
import { NumbersService } from './numbers.service.js';

@Consumer('provisioning-user-numbers')
export class UserNumbersConsumer {
  constructor(@Inject(NumbersService) private readonly numbers: NumbersService) {}

  @Handles(UserSavedV1)
  async onSaved({ data, sequence }: Received<UserSavedV1>): Promise<void> {
    await this.numbers.ownerSaved(data, sequence);
  }

  @Handles(UserDeletedV1)
  async onDeleted({ data }: Received<UserDeletedV1>): Promise<void> {
    await this.numbers.ownerDeleted(data.userId);
  }
}
