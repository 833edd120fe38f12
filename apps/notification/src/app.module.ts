import { type DynamicModule, Module } from '@nestjs/common';
import { JobsModule } from '@strowger/jobs';
import { Clock, SystemClock } from '@strowger/kernel';
import { MessagingModule } from '@strowger/messaging';
import { PersistenceModule } from '@strowger/persistence';
import type { NotificationConfig } from './config.js';
import { AccountsConsumer } from './incidents/accounts.consumer.js';
import { IncidentsConsumer } from './incidents/incidents.consumer.js';
import { MailDelivery } from './mail/mail-delivery.entity.js';
import { sendMail } from './mail/mail.jobs.js';
import { MailService } from './mail/mail.service.js';
import { SendMailJob } from './mail/send-mail.job.js';
import { Smtp } from './mail/smtp.js';
import { MIGRATIONS } from './migrations/index.js';
import { AlertRecipients } from './recipients/alert-recipients.entity.js';
import { RecipientsConsumer } from './recipients/recipients.consumer.js';

export const SERVICE = 'notification';
const ENTITIES = [AlertRecipients, MailDelivery];

@Module({})
export class AppModule {
  static forRoot(config: NotificationConfig, clock: Clock = new SystemClock()): DynamicModule {
    const { databaseUrl, redisUrl } = config;
    return {
      module: AppModule,
      imports: [
        PersistenceModule.forRoot({ service: SERVICE, databaseUrl, entities: ENTITIES, migrations: MIGRATIONS }),
        MessagingModule.forRoot(),
        JobsModule.forRoot({ service: SERVICE, redisUrl, jobs: [sendMail] }),
      ],
      providers: [
        { provide: Clock, useValue: clock },
        Smtp,
        MailService,
        SendMailJob,
        RecipientsConsumer,
        AccountsConsumer,
        IncidentsConsumer,
      ],
    };
  }
}
