import { defineJob } from '@strowger/jobs';

/** Reads one platform's message list for what its webhook never brought. */
export const reconcilePlatform = defineJob<{ platformId: string }>('routing.reconcile-platform', {
  concurrency: 4,
  attempts: 2,
});
