import { Module } from '@nestjs/common';
import { JobsModule } from '@strowger/jobs';
import { Clock, SystemClock } from '@strowger/kernel';
import { MessagingModule } from '@strowger/messaging';
import { PersistenceModule } from '@strowger/persistence';
import type { NotificationConfig } from './config.js';
import { AccountsConsumer } from './incidents/accounts.consumer.js';
import { IncidentsConsumer } from './incidents/incidents.consumer.js';
import { MailController } from './mail/mail.controller.js';
import { MailDelivery } from './mail/mail-delivery.entity.js';
import { sendMail } from './mail/mail.jobs.js';
import { MailService } from './mail/mail.service.js';
import { SendMailJob } from './mail/send-mail.job.js';
import { Smtp } from './mail/smtp.js';
import { MIGRATIONS } from './migrations/index.js';
import { Readiness } from './readiness.js';
import { AlertRecipients } from './recipients/alert-recipients.entity.js';
import { RecipientsConsumer } from './recipients/recipients.consumer.js';

export function notificationModule(config: Readonly<NotificationConfig>, clock: Clock = new SystemClock()) {
  @Module({
    imports: [
      PersistenceModule.forRoot({
        service: 'notification',
        databaseUrl: config.databaseUrl,
        entities: [AlertRecipients, MailDelivery],
        migrations: MIGRATIONS,
      }),
      MessagingModule.forRoot(),
      JobsModule.forRoot({ service: 'notification', redisUrl: config.redisUrl, jobs: [sendMail] }),
    ],
    controllers: [MailController],
    providers: [
      { provide: Clock, useValue: clock },
      Smtp,
      MailService,
      SendMailJob,
      RecipientsConsumer,
      AccountsConsumer,
      IncidentsConsumer,
      Readiness,
    ],
  })
  class NotificationModule {}
  return NotificationModule;
}
