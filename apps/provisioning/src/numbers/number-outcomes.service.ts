import { Injectable } from '@nestjs/common';
import { LockMode, type EntityManager } from '@mikro-orm/postgresql';
import { Clock, newId, type Fact } from '@strowger/kernel';
import { Db, Outbox, sql } from '@strowger/persistence';
import { SagaRunner } from '@strowger/saga';
import { ProvisioningConfig } from '../config.js';
import { EnablementSchedule } from './enablement-schedule.js';
import { PlatformsService } from '../platforms/platforms.service.js';
import { CpaasNumber, type Provisioned } from './number.entity.js';
import { releaseNumber } from './release-number.saga.js';
import { Timeline } from './timeline.service.js';

/** How a number's sagas end: called in the transactions that end them, so each happens exactly once. */
@Injectable()
export class NumberOutcomes {
  constructor(
    private readonly db: Db,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly sagas: SagaRunner,
    private readonly timeline: Timeline,
    private readonly platforms: PlatformsService,
    private readonly schedule: EnablementSchedule,
    private readonly config: ProvisioningConfig,
  ) {}

  async provisioned(em: EntityManager, numberId: string, result: Provisioned): Promise<void> {
    await this.change(em, numberId, 'Provisioned.', (number) =>
      number.provisioned(result, this.clock.now(), this.schedule.next()),
    );
    const number = await em.findOneOrFail(CpaasNumber, numberId);
    if (number.nextCheckAt) this.schedule.armAfterCommit(number);
    if (number.releaseWhenReady && number.state !== 'releasing')
      await this.beginRelease(em, number, { deleteMessages: number.deleteMessages });
  }

  async assignmentFailed(em: EntityManager, numberId: string, reason: string): Promise<void> {
    await this.change(em, numberId, `Not assigned: ${reason}`, (number) => {
      number.assignmentFailed(reason, this.clock.now());
      return undefined;
    });
  }

  async cleanupRequired(em: EntityManager, numberId: string, reason: string): Promise<void> {
    await this.change(em, numberId, `Could not be undone yet: ${reason}`, (number) => number.cleanupRequired(reason));
  }

  async released(em: EntityManager, numberId: string): Promise<void> {
    await this.change(em, numberId, 'Released.', (number) => number.released(this.clock.now()));
  }

  /** Starts the release with the transaction; the number's row is locked. False when it has begun before. */
  async beginRelease(
    em: EntityManager,
    number: CpaasNumber,
    { deleteMessages }: { deleteMessages: boolean },
  ): Promise<boolean> {
    const operationId = newId();
    if (!number.release(operationId, deleteMessages)) return false;
    this.timeline.transition(em, number, 'Being released.');
    await em.flush();
    await this.sagas.start(
      releaseNumber,
      {
        numberId: number.id,
        platformId: number.platformId,
        e164: number.e164,
        carrierSid: number.carrierSid ?? '',
        createdByUs: number.createdByUs,
        removeFromExchange: this.config.removeOnRelease && number.enablement !== 'not-applicable',
        platformLabel: await this.platforms.carrierLabel(number.platformId),
      },
      { id: operationId, subject: number.id, tenantId: number.systemProviderId },
    );
    return true;
  }

  /** Queues a removal that Message Exchange refused for now. */
  async removeFromExchangeLater(about: { numberId: string; platformId: string; e164: string }): Promise<void> {
    const dueAt = new Date(this.clock.now().getTime() + this.config.cleanupSeconds * 1000);
    await this.db.query(
      sql`insert into exchange_removal (number_id, platform_id, e164, due_at)
        values (${about.numberId}, ${about.platformId}, ${about.e164}, ${dueAt}) on conflict do nothing`,
    );
  }

  private async change(
    em: EntityManager,
    numberId: string,
    summary: string,
    change: (number: CpaasNumber) => Fact | undefined,
  ): Promise<void> {
    const lockMode = LockMode.PESSIMISTIC_WRITE;
    const number = await em.findOneOrFail(CpaasNumber, { id: numberId }, { lockMode, refresh: true });
    const before = number.version;
    this.outbox.add(em, change(number));
    if (number.version !== before) this.timeline.transition(em, number, summary);
  }
}
