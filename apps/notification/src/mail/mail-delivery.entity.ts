import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { newId } from '@strowger/kernel';

/**
 * `queued → sending → handed-over → sent`. `handed-over` is written just before the mail's last byte: before it the
 * server can't have taken the mail, after it only the server's answer says. A crash in between leaves `unknown`, and
 * and an alert is not mailed twice: the log shows it.
 */
export type MailState = 'queued' | 'sending' | 'handed-over' | 'sent' | 'failed' | 'suppressed' | 'unknown';

export interface Mail {
  template: string;
  topic: string;
  subject: string;
  text: string;
  html: string;
  /** What stands where the bodies say SECRET_HERE; only the mail itself shows it. */
  sealedSecret?: string;
}

export const SECRET_HERE = '{{secret}}';

/** One mail to one recipient about one incident. */
@Entity({ tableName: 'mail_delivery' })
export class MailDelivery {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'uuid' }) incidentId!: string;
  @Property({ type: 'uuid' }) systemProviderId!: string;
  @Property({ type: 'text' }) recipient!: string;
  @Property({ type: 'text' }) template!: string;
  @Property({ type: 'text' }) topic!: string;
  @Property({ type: 'text' }) subject!: string;
  @Property({ type: 'text' }) textBody!: string;
  @Property({ type: 'text' }) htmlBody!: string;
  /** SecretBox, context `password-reset:<incident id>`. Gone once the mail has come to its end. */
  @Property({ type: 'text', nullable: true, hidden: true }) sealedSecret?: string | null;
  @Property({ type: 'text' }) state!: MailState;
  @Property({ type: 'int' }) attempts = 0;
  @Property({ type: 'timestamptz', nullable: true }) nextAttemptAt?: Date | null;
  /** The sender holds the row until then; after it, another may look what happened to it. */
  @Property({ type: 'timestamptz', nullable: true }) leaseUntil?: Date | null;
  @Property({ type: 'text', nullable: true }) lastError?: string | null;
  @Property({ type: 'timestamptz' }) createdAt!: Date;
  @Property({ type: 'timestamptz', nullable: true }) sentAt?: Date | null;

  static queue(
    about: { incidentId: string; systemProviderId: string; recipient: string; suppressed: boolean },
    mail: Mail,
    at: Date,
  ): MailDelivery {
    return Object.assign(new MailDelivery(), {
      id: newId(),
      incidentId: about.incidentId,
      systemProviderId: about.systemProviderId,
      recipient: about.recipient,
      template: mail.template,
      topic: mail.topic,
      subject: mail.subject,
      textBody: mail.text,
      htmlBody: mail.html,
      sealedSecret: mail.sealedSecret ?? null,
      state: about.suppressed ? 'suppressed' : 'queued',
      createdAt: at,
      nextAttemptAt: about.suppressed ? null : at,
    } satisfies Partial<MailDelivery>);
  }

  /** Takes the mail for sending; false when there is nothing to send, or another sender has it. */
  claim(at: Date, leaseMs: number): boolean {
    const held = this.leaseUntil !== null && this.leaseUntil !== undefined && this.leaseUntil > at;
    if (held || (this.state !== 'queued' && this.state !== 'sending' && this.state !== 'handed-over')) return false;
    if (this.state === 'handed-over') {
      this.end('unknown', at, "The sender stopped between handing the mail over and the server's answer.");
      return false;
    }
    this.state = 'sending';
    this.attempts += 1;
    this.leaseUntil = new Date(at.getTime() + leaseMs);
    this.nextAttemptAt = this.leaseUntil;
    return true;
  }

  sent(at: Date): void {
    this.end('sent', at);
    this.sentAt = at;
  }

  /** Tries again later, doubling from five seconds to ten minutes, until the attempts are used up. */
  postpone(at: Date, error: string, maxAttempts: number): void {
    if (this.attempts >= maxAttempts) return this.end('failed', at, error);
    this.state = 'queued';
    this.lastError = error;
    this.leaseUntil = null;
    this.nextAttemptAt = new Date(at.getTime() + Math.min(5_000 * 2 ** (this.attempts - 1), 600_000));
  }

  end(state: 'sent' | 'failed' | 'unknown', _at: Date, error?: string): void {
    this.state = state;
    this.lastError = error ?? null;
    this.leaseUntil = null;
    this.nextAttemptAt = null;
    this.sealedSecret = null;
  }
}
