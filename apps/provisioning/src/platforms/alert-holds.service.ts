/**
 * Holds at hierarchy's alert guard. The intent is written before the hold is asked for, and turned by the transaction
 * that saves or deletes the platform, so the sweep knows what to give back when a process dies in between.
 */
import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { LockMode, type EntityManager } from '@mikro-orm/postgresql';
import { hierarchyRpc } from '@strowger/contracts-hierarchy';
import { Timers } from '@strowger/jobs';
import { AppError, Clock, PLATFORM_SCOPE, SYSTEM_ACTOR, type RpcContext } from '@strowger/kernel';
import { Db } from '@strowger/persistence';
import { Rpc } from '@strowger/rpc';
import { logger } from '@strowger/telemetry';
import { AlertHoldIntent } from './alert-hold.entity.js';
import { PlatformTookTooLong } from './platform.errors.js';

const SWEEP_SECONDS = 30;
/** Verifying takes seconds; a hold wanted for longer belongs to a process that died. */
const WANTED_MS = 5 * 60_000;
/** A request whose answer was lost may still be on its way to hierarchy; giving back must come after it. */
const SETTLE_MS = 30_000;
const log = logger('alert-holds');

@Injectable()
export class AlertHolds implements OnApplicationBootstrap {
  constructor(
    private readonly db: Db,
    private readonly rpc: Rpc,
    private readonly clock: Clock,
    private readonly timers: Timers,
  ) {}

  onApplicationBootstrap(): void {
    this.timers.everySeconds(SWEEP_SECONDS, 'alert-holds-sweep', () => this.sweep());
  }

  /** Throws hierarchy's refusal as it came. */
  async take({ scope, actor }: RpcContext, platformId: string, systemProviderId: string): Promise<void> {
    await this.db.transactional(async (em) => {
      const changedAt = this.clock.now();
      em.persist(Object.assign(new AlertHoldIntent(), { platformId, systemProviderId, state: 'wanted', changedAt }));
    });
    try {
      await this.rpc.call(hierarchyRpc.holdAlertGuard, { scope, actor, body: { systemProviderId, platformId } });
    } catch (error) {
      await this.abandon(platformId, AppError.wrap(error).outcome !== 'unknown');
      throw error;
    }
  }

  /** In the transaction that saves the platform. */
  async keep(em: EntityManager, platformId: string): Promise<void> {
    const kept = await em.nativeUpdate(AlertHoldIntent, { platformId, state: 'wanted' }, { state: 'kept' });
    if (kept === 0) throw new PlatformTookTooLong();
  }

  /** In the transaction that deletes the platform. */
  async letGo(em: EntityManager, platformId: string): Promise<void> {
    await em.nativeUpdate(AlertHoldIntent, { platformId }, { state: 'unwanted', changedAt: this.clock.now() });
  }

  /** Call when the platform won't be saved. Never throws: what fails here is done by the sweep. */
  async abandon(platformId: string, now = true): Promise<void> {
    try {
      await this.db.transactional((em) =>
        em.nativeUpdate(
          AlertHoldIntent,
          { platformId, state: 'wanted' },
          { state: 'unwanted', changedAt: this.clock.now() },
        ),
      );
      if (now) await this.giveBack(platformId);
    } catch (error) {
      log.warn({ platformId, err: error }, 'alert-hold-left-to-sweep');
    }
  }

  /** Safe to repeat. */
  async giveBack(platformId: string): Promise<void> {
    const unwanted = await this.db.em().count(AlertHoldIntent, { platformId, state: 'unwanted' });
    if (unwanted === 0) return;
    await this.rpc.call(hierarchyRpc.releaseAlertGuard, {
      scope: PLATFORM_SCOPE,
      actor: SYSTEM_ACTOR,
      body: { platformId },
    });
    await this.db.transactional((em) => em.nativeDelete(AlertHoldIntent, { platformId, state: 'unwanted' }));
  }

  async sweep(): Promise<void> {
    const now = this.clock.now();
    const before = (ms: number): Date => new Date(now.getTime() - ms);
    await this.db.transactional(async (em) => {
      const orphans = await em.find(
        AlertHoldIntent,
        { state: 'wanted', changedAt: { $lte: before(WANTED_MS) } },
        { limit: 100, lockMode: LockMode.PESSIMISTIC_PARTIAL_WRITE },
      );
      for (const orphan of orphans) orphan.state = 'unwanted';
    });
    const due = await this.db
      .em()
      .find(AlertHoldIntent, { state: 'unwanted', changedAt: { $lte: before(SETTLE_MS) } }, { limit: 100 });
    for (const { platformId } of due)
      await this.giveBack(platformId).catch((error: unknown) =>
        log.warn({ platformId, err: error }, 'alert-hold-not-given-back'),
      );
  }
}
