import { Readable } from 'node:stream';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { AppError } from '@strowger/kernel';
import { createTransport, type Transporter } from 'nodemailer';
import MailComposer from 'nodemailer/lib/mail-composer/index.js';
import type SMTPPool from 'nodemailer/lib/smtp-pool/index.js';
import { NotificationConfig } from '../config.js';
import type { MailDelivery } from './mail-delivery.entity.js';

/** The server refused for good (5yz): another try would be refused the same way. */
export class MailRefused extends AppError {
  constructor(response: string, cause: unknown) {
    super('invalid', 'mail-refused', response, {}, { cause });
  }
}
/** The server is away or refused for now (4yz). With `outcome: unknown` the mail was handed over and no answer came. */
export class MailServerUnavailable extends AppError {
  constructor(why: string, cause: unknown, handedOver: boolean) {
    super(
      'unavailable',
      'mail-server-unavailable',
      why,
      {},
      { cause, ...(handedOver ? { outcome: 'unknown' as const } : {}) },
    );
  }
}

@Injectable()
export class Smtp implements OnApplicationShutdown {
  private readonly transport: Transporter<SMTPPool.SentMessageInfo>;

  constructor(private readonly config: NotificationConfig) {
    this.transport = createTransport({
      url: config.smtpUrl,
      pool: true,
      maxConnections: 4,
      // Repeating is ours to decide: the pool can't know whether the server took the mail.
      maxRequeues: 0,
      connectionTimeout: 10_000,
      greetingTimeout: 10_000,
      socketTimeout: 30_000,
      disableFileAccess: true,
      disableUrlAccess: true,
    } as SMTPPool.Options);
  }

  /**
   * Sends one mail. `beforeLastByte` is awaited when everything but the end of the message is written: until it is
   * called the server cannot have taken the mail. The Message-ID is the delivery's id, the same on every try.
   * @param reveal puts a secret into a body
   */
  async send(
    delivery: MailDelivery,
    reveal: (body: string) => string,
    beforeLastByte: () => Promise<void>,
  ): Promise<void> {
    const { mailFrom: from } = this.config;
    const message = await new MailComposer({
      from: { name: 'Strowger', address: from },
      to: delivery.recipient,
      subject: delivery.subject,
      text: reveal(delivery.textBody),
      html: reveal(delivery.htmlBody),
      messageId: `<${delivery.id}@${from.split('@')[1]}>`,
      date: delivery.createdAt,
      headers: { 'Auto-Submitted': 'auto-generated' },
    })
      .compile()
      .build();
    let handedOver = false;
    const raw = Readable.from(
      (async function* () {
        yield message;
        await beforeLastByte();
        handedOver = true;
      })(),
    );
    try {
      await this.transport.sendMail({ envelope: { from, to: delivery.recipient }, raw });
    } catch (error) {
      const {
        responseCode,
        response,
        message: why,
      } = error as { responseCode?: number; response?: string; message: string };
      if (responseCode !== undefined && responseCode >= 500) throw new MailRefused(response ?? why, error);
      // A 4yz answer is an answer: the server did not take it, however much it had read.
      throw new MailServerUnavailable(response ?? why, error, handedOver && responseCode === undefined);
    }
  }

  onApplicationShutdown(): void {
    this.transport.close();
  }
}
