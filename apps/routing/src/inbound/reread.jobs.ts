import { defineJob } from '@strowger/jobs';

/** Reads a text again from the carrier whose webhook may have damaged it. */
export const rereadMessage = defineJob<{ messageId: string }>('routing.reread-message', { concurrency: 2 });
