import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { LockMode } from '@mikro-orm/postgresql';
import { CarrierRejected, ExchangeUnauthorized } from '@strowger/cpaas';
import { Timers } from '@strowger/jobs';
import { AppError, Clock } from '@strowger/kernel';
import { Db, Outbox, sql } from '@strowger/persistence';
import { logger } from '@strowger/telemetry';
import { Carriers, inCredentials, type OpenPlatform } from '../carriers/carriers.service.js';
import { ProvisioningConfig } from '../config.js';
import { Platform, type CredentialKind } from './platform.entity.js';

const SWEEP_SECONDS = 15;
/** A verification whose process died is due again after this time. */
const CLAIM_MS = 120_000;
/** Refusals of the Message Exchange token in a row, while polling, before people are alerted (carrier-message-exchange §7). */
const REFUSALS_IN_A_ROW = 3;
const log = logger('platform-verification');

/** Whether one set of credentials works; undefined when that can't be found out now. */
type Finding = 'works' | AppError | undefined;

@Injectable()
export class PlatformVerification implements OnApplicationBootstrap {
  constructor(
    private readonly db: Db,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly timers: Timers,
    private readonly carriers: Carriers,
    private readonly config: ProvisioningConfig,
  ) {}

  onApplicationBootstrap(): void {
    this.timers.everySeconds(SWEEP_SECONDS, 'platform-verification-sweep', () => this.sweep());
  }

  nextVerifyAt(): Date {
    return new Date(this.clock.now().getTime() + this.config.platformVerifySeconds * 1000);
  }

  /** Call before anything is saved: throws the carrier's refusal, returns what the operator should know. */
  async check(open: OpenPlatform): Promise<string[]> {
    const warnings = await verify(open).catch((error: unknown) => {
      throw inCredentials(AppError.wrap(error));
    });
    const exchange = await checkExchange(open);
    if (exchange instanceof ExchangeUnauthorized) throw inCredentials(exchange);
    if (exchange instanceof AppError)
      return [...warnings, `The Message Exchange token could not be checked. ${exchange.message}`];
    return warnings;
  }

  /**
   * Verifies what is stored and keeps the result.
   * @throws AppError why the credentials don't work, or why that can't be found out
   */
  async verifyStored(platformId: string): Promise<string[]> {
    const platform = await this.db.em().findOne(Platform, { id: platformId, deletedAt: null });
    if (!platform) return [];
    const open = this.carriers.open(platform);
    const carrier = await verify(open).then(
      (warnings) => ({ warnings, error: undefined }),
      (error: unknown) => ({ warnings: [], error: AppError.wrap(error) }),
    );
    const exchange = carrier.error ? undefined : await checkExchange(open);
    await this.keep(platform, {
      carrier: carrier.error ? (isRefusal(carrier.error) ? carrier.error : undefined) : 'works',
      exchange: exchange === 'works' || exchange instanceof ExchangeUnauthorized ? exchange : undefined,
      hasExchange: open.exchange !== undefined,
    });
    if (carrier.error) throw carrier.error;
    if (exchange instanceof AppError) throw exchange;
    return carrier.warnings;
  }

  /** Called for each answer of Message Exchange while polling: three refusals in a row raise one alert. */
  async exchangeAnswered(platformId: string, error?: AppError): Promise<void> {
    const refused = error instanceof ExchangeUnauthorized;
    if (error && !refused) return;
    await this.db.transactional(async (em) => {
      const platform = await em.findOne(
        Platform,
        { id: platformId, deletedAt: null },
        { lockMode: LockMode.PESSIMISTIC_WRITE },
      );
      if (!platform) return;
      if (!refused) {
        this.outbox.add(em, platform.credentialsWork('exchange'));
        return;
      }
      platform.exchangeRefusals += 1;
      if (platform.exchangeRefusals >= REFUSALS_IN_A_ROW)
        this.outbox.add(em, platform.credentialsRefused('exchange', error.message));
    });
  }

  /** Every platform whose time has come; several processes share the work. */
  async sweep(): Promise<void> {
    const now = this.clock.now();
    const due = await this.db.query(sql<{ id: string }>`
      update platform set next_verify_at = ${new Date(now.getTime() + CLAIM_MS)} where id in (
        select id from platform where deleted_at is null and next_verify_at <= ${now}
        order by next_verify_at limit 20 for update skip locked) returning id`);
    for (const { id } of due)
      await this.verifyStored(id).catch((error: unknown) => {
        const { code, kind } = AppError.wrap(error);
        log.warn({ platformId: id, code, ...(kind === 'internal' ? { err: error } : {}) }, 'platform-not-verified');
      });
  }

  private async keep(
    seen: Platform,
    findings: Record<CredentialKind, Finding> & { hasExchange: boolean },
  ): Promise<void> {
    await this.db.transactional(async (em) => {
      const platform = await em.findOne(
        Platform,
        { id: seen.id, deletedAt: null },
        { lockMode: LockMode.PESSIMISTIC_WRITE },
      );
      // Changed meanwhile: what was verified is no longer what is stored.
      if (!platform || platform.credentials !== seen.credentials) return;
      platform.nextVerifyAt = this.nextVerifyAt();
      if (findings.carrier) platform.lastVerifiedAt = this.clock.now();
      for (const which of ['carrier', 'exchange'] as const) {
        const finding = findings[which];
        if (finding === 'works') this.outbox.add(em, platform.credentialsWork(which));
        else if (finding) this.outbox.add(em, platform.credentialsRefused(which, finding.message));
      }
      if (!findings.hasExchange) this.outbox.add(em, platform.credentialsWork('exchange'));
    });
  }
}

const verify = async ({ carrier, access }: OpenPlatform): Promise<string[]> =>
  (await carrier.verify?.(access))?.warnings ?? [];

/** An outage or the refusal of one request says nothing about credentials. */
const isRefusal = (error: AppError): boolean =>
  (error.kind === 'invalid' || error.kind === 'conflict') && !(error instanceof CarrierRejected);

/** Undefined where there is no token, or no such call. */
async function checkExchange({ exchange }: OpenPlatform): Promise<Finding> {
  if (!exchange?.verifyToken) return undefined;
  try {
    await exchange.verifyToken();
    return 'works';
  } catch (error) {
    return AppError.wrap(error);
  }
}
