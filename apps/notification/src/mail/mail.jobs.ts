import { defineJob } from '@strowger/jobs';

/** The row is the truth; the job only says that it is due. */
export const sendMail = defineJob<{ id: string }>('notification.send-mail', { concurrency: 8, attempts: 3 });
