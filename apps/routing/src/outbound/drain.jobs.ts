import { defineJob } from '@strowger/jobs';

/** Something is due for sending at a platform. Many of them mean no more than one. */
export const drainPlatform = defineJob<{ platformId: string }>('routing.drain-platform', {
  concurrency: 64,
  attempts: 1,
});
