import { LockMode, type EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { notificationRpc, type ListDeliveries, type MailDeliveryView } from '@strowger/contracts-notification';
import {
  AppError,
  Clock,
  isId,
  NotFound,
  pageOf,
  readCursor,
  SecretBox,
  withinScope,
  type Page,
  type RpcRequest,
} from '@strowger/kernel';
import { Jobs } from '@strowger/jobs';
import { Db, sql } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { counter, logger } from '@strowger/telemetry';
import { NotificationConfig } from '../config.js';
import { AlertRecipients } from '../recipients/alert-recipients.entity.js';
import { MailDelivery, SECRET_HERE, type Mail } from './mail-delivery.entity.js';
import { sendMail } from './mail.jobs.js';
import { Smtp } from './smtp.js';

/** Longer than every SMTP time-out together, so a live sender never loses its lease. */
const LEASE_MS = 90_000;

const log = logger('mail');
const mails = counter('strowger_mail_total', 'Mails by how they ended');

@Injectable()
export class MailService {
  private readonly box: SecretBox;

  constructor(
    private readonly db: Db,
    private readonly jobs: Jobs,
    private readonly smtp: Smtp,
    private readonly clock: Clock,
    private readonly config: NotificationConfig,
  ) {
    this.box = SecretBox.fromKeyring(config.secretKeys);
  }

  /** One mail per incident and recipient, however often it is called; joins the caller's transaction. */
  async alert(systemProviderId: string, incidentId: string, mail: Mail): Promise<void> {
    await this.db.transactional(async (em) => {
      // Locked, so that two incidents about the same topic see each other.
      const list = await em.findOne(AlertRecipients, { systemProviderId }, { lockMode: LockMode.PESSIMISTIC_WRITE });
      // The provider's list comes on another stream and may arrive after its first incident.
      if (!list) throw new NotFound('alert-recipients', systemProviderId);
      if (list.recipients.length === 0)
        log.error({ systemProviderId, incidentId, template: mail.template }, 'alert-without-recipient');
      for (const email of new Set(list.recipients.map((recipient) => recipient.email)))
        await this.queueOnce(em, systemProviderId, incidentId, email, mail);
      await em.flush();
    });
  }

  /** One mail per incident to a recipient the fact itself names; joins the caller's transaction. */
  async notify(systemProviderId: string, incidentId: string, email: string, mail: Mail): Promise<void> {
    await this.db.transactional(async (em) => {
      // Two facts with the same news are handled at the same time; the second has to see what the first wrote.
      await this.db.query(
        sql`select pg_advisory_xact_lock(hashtextextended(${`notification:${email}:${mail.topic}`}, 0))`,
      );
      await this.queueOnce(em, systemProviderId, incidentId, email, mail);
      await em.flush();
    });
  }

  /** Sends one queued mail, once. Safe to repeat. */
  async deliver(id: string): Promise<void> {
    const delivery = await this.claim(id);
    if (!delivery) return;
    try {
      await this.smtp.send(delivery, this.revealing(delivery), () => this.handOver(id, delivery.attempts));
      await this.finish(delivery, (row, now) => row.sent(now));
    } catch (thrown) {
      const error = AppError.wrap(thrown);
      await this.finish(delivery, (row, now) => {
        if (error.kind === 'invalid') row.end('failed', now, error.message);
        else if (error.outcome === 'unknown') row.end('unknown', now, error.message);
        else row.postpone(now, error.message, this.config.maxAttempts);
      });
      if (error.kind === 'internal') throw thrown;
    }
  }

  /** Puts due mails back in line: those waiting for a retry, those whose job Redis lost, those a dead sender held. */
  async sweep(): Promise<number> {
    const due = await this.db.query<{ id: string }>(sql`
      select id from mail_delivery where state in ('queued', 'sending', 'handed-over') and next_attempt_at <= ${this.clock.now()} order by next_attempt_at limit 500`);
    for (const { id } of due) await this.enqueue(id);
    return due.length;
  }

  @Answers(notificationRpc.listDeliveries)
  async list({ scope, body }: RpcRequest<ListDeliveries>): Promise<Page<MailDeliveryView>> {
    const { limit = 50, cursor } = body;
    if (scope.level !== 'platform' && scope.level !== 'system-provider') return { items: [] };
    const after = cursor === undefined ? undefined : positionOf(cursor);
    const rows = await this.db.em().find(
      MailDelivery,
      {
        ...withinScope(scope),
        ...(after
          ? {
              $or: [{ createdAt: { $lt: after.at } }, { createdAt: after.at, id: { $lt: after.id } }],
            }
          : {}),
      },
      { orderBy: { createdAt: 'desc', id: 'desc' }, limit: limit + 1 },
    );
    return pageOf(rows, limit, (row) => [row.createdAt.toISOString(), row.id], viewOf);
  }

  /** Nothing when this incident was mailed to them before; suppressed when the same news went out just now. */
  private async queueOnce(
    em: EntityManager,
    systemProviderId: string,
    incidentId: string,
    recipient: string,
    mail: Mail,
  ): Promise<void> {
    if (await em.count(MailDelivery, { incidentId, recipient })) return;
    const now = this.clock.now();
    const since = new Date(now.getTime() - this.config.repeatMinutes * 60_000);
    const last = await em.findOne(
      MailDelivery,
      { recipient, topic: mail.topic, createdAt: { $gt: since }, state: { $nin: ['failed', 'suppressed'] } },
      { orderBy: { createdAt: 'desc', id: 'desc' } },
    );
    const suppressed = last?.template === mail.template;
    const delivery = MailDelivery.queue({ incidentId, systemProviderId, recipient, suppressed }, mail, now);
    em.persist(delivery);
    if (!suppressed) this.db.afterCommit(() => this.enqueue(delivery.id));
  }

  private async enqueue(id: string): Promise<void> {
    // Without Redis nothing is lost: the row is due, and the sweep finds it.
    await this.jobs
      .add(sendMail, { id }, { jobId: `mail-${id}` })
      .catch((error: unknown) => log.warn({ id, code: AppError.wrap(error).code }, 'mail-job-not-queued'));
  }

  private claim(id: string): Promise<MailDelivery | undefined> {
    return this.db.transactional(async (em) => {
      const row = await em.findOne(MailDelivery, id, { lockMode: LockMode.PESSIMISTIC_WRITE });
      if (!row) return undefined;
      const claimed = row.claim(this.clock.now(), LEASE_MS);
      if (row.state === 'unknown') mails.inc({ state: 'unknown' });
      return claimed ? row : undefined;
    });
  }

  /** The bodies with their secret, which none of our tables holds. */
  private revealing({ incidentId, sealedSecret }: MailDelivery): (body: string) => string {
    if (!sealedSecret) return (body) => body;
    const secret = this.box.open(sealedSecret, `password-reset:${incidentId}`);
    return (body) => body.replaceAll(SECRET_HERE, secret);
  }

  /** The point of no return. Throws when another sender took over meanwhile, so that this one breaks off. */
  private async handOver(id: string, attempt: number): Promise<void> {
    const rows = await this.db.query<{ id: string }>(sql`
      update mail_delivery set state = 'handed-over' where id = ${id} and state = 'sending' and attempts = ${attempt} returning id`);
    if (rows.length === 0) throw new AppError('conflict', 'mail-taken-over', 'Another sender has taken this mail.');
  }

  private async finish({ id, attempts }: MailDelivery, change: (row: MailDelivery, now: Date) => void): Promise<void> {
    await this.db.transactional(async (em) => {
      const row = await em.findOne(MailDelivery, id, { lockMode: LockMode.PESSIMISTIC_WRITE });
      if (!row || row.attempts !== attempts || (row.state !== 'sending' && row.state !== 'handed-over')) return;
      change(row, this.clock.now());
      mails.inc({ state: row.state });
      if (row.lastError)
        log.warn({ deliveryId: id, incidentId: row.incidentId, state: row.state, attempts }, 'mail-not-sent');
    });
  }
}

const isTime = (part: unknown): part is string => typeof part === 'string' && !Number.isNaN(Date.parse(part));

function positionOf(cursor: string): { at: Date; id: string } {
  const [time, id] = readCursor(cursor, isTime, isId);
  return { at: new Date(time), id };
}

const viewOf = (row: MailDelivery): MailDeliveryView => ({
  id: row.id,
  incidentId: row.incidentId,
  template: row.template,
  recipient: row.recipient,
  subject: row.subject,
  state: row.state === 'sending' || row.state === 'handed-over' ? 'queued' : row.state,
  attempts: row.attempts,
  ...(row.lastError ? { lastError: row.lastError } : {}),
  createdAt: row.createdAt.toISOString(),
  ...(row.sentAt ? { sentAt: row.sentAt.toISOString() } : {}),
});
