import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Processes, Timers } from '@strowger/jobs';
import { sendMail } from './mail.jobs.js';
import { MailService } from './mail.service.js';

const SWEEP_SECONDS = 2;

@Injectable()
export class SendMailJob implements OnApplicationBootstrap {
  constructor(
    private readonly mail: MailService,
    private readonly timers: Timers,
  ) {}

  onApplicationBootstrap(): void {
    this.timers.everySeconds(SWEEP_SECONDS, 'mail-sweep', async () => void (await this.mail.sweep()));
  }

  @Processes(sendMail)
  async send({ id }: { id: string }): Promise<void> {
    await this.mail.deliver(id);
  }
}
