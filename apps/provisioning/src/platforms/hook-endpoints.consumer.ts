import { PlatformDeletedV1, PlatformSavedV1 } from '@strowger/contracts-provisioning';
import { Consumer, Handles, type Received } from '@strowger/messaging';
import { HookEndpoints } from './hook-endpoints.service.js';

/** Our own facts update the bucket, so that a crash between commit and write is repaired at once, not at the next reconcile. */
@Consumer('provisioning-hook-endpoints')
export class HookEndpointsConsumer {
  constructor(private readonly endpoints: HookEndpoints) {}

  @Handles(PlatformSavedV1)
  async onSaved({ data }: Received<PlatformSavedV1>): Promise<void> {
    await this.endpoints.project(data.platformId);
  }

  @Handles(PlatformDeletedV1)
  async onDeleted({ data }: Received<PlatformDeletedV1>): Promise<void> {
    await this.endpoints.project(data.platformId);
  }
}
