/** Follows the jobs of Message Exchange for numbers, until it has enabled or refused them. */
import { setTimeout as wait } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { LockMode } from '@mikro-orm/postgresql';
import { provisioningRpc as rpc, type NumberView } from '@strowger/contracts-provisioning';
import { ExchangeRejected, type EnablementRecord, type MessageExchangePort } from '@strowger/cpaas';
import { AppError, Clock, type RpcRequest } from '@strowger/kernel';
import { Db, Outbox, sql } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { counter, logger } from '@strowger/telemetry';
import { Carriers } from '../carriers/carriers.service.js';
import { ProvisioningConfig } from '../config.js';
import { PlatformsService } from '../platforms/platforms.service.js';
import { PlatformVerification } from '../platforms/platform-verification.service.js';
import { EnablementSchedule } from './enablement-schedule.js';
import { CpaasNumber } from './number.entity.js';
import { EnablementStillFailed, NumberStateConflict, RefreshedRecently } from './number.errors.js';
import { NumberQueries } from './number.queries.js';
import { pick, requestEnablement, type Requested } from './request-enablement.js';
import { Timeline, type Recorder } from './timeline.service.js';

/** A check whose process died is due again after this time. */
const CLAIM_MS = 60_000;
const log = logger('enablement');
const checks = counter('enablement_checks_total', 'Answers of Message Exchange to checks, by result');

@Injectable()
export class EnablementService {
  private readonly lookAgainMs: number[];

  constructor(
    private readonly db: Db,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly carriers: Carriers,
    private readonly platforms: PlatformsService,
    private readonly verification: PlatformVerification,
    private readonly schedule: EnablementSchedule,
    private readonly queries: NumberQueries,
    private readonly timeline: Timeline,
    private readonly config: ProvisioningConfig,
  ) {
    this.lookAgainMs = config.carrierLookAgainMs.map(Number);
  }

  /**
   * The scheduled check. Claims the row first, so that overlapping jobs (two processes, a sweep beside a job) ask once.
   * Answers when it is due again, or undefined when there is nothing more to wait for.
   */
  async checkIfDue(numberId: string): Promise<Date | undefined> {
    const now = this.clock.now();
    const claimed = await this.db.query(sql<{ id: string }>`
      update cpaas_number set next_check_at = ${new Date(now.getTime() + CLAIM_MS)}
      where id = ${numberId} and state = 'pending' and next_check_at <= ${now} returning id`);
    if (claimed.length > 0) {
      const number = await this.db.em().findOneOrFail(CpaasNumber, numberId);
      await this.check(number).catch((error: unknown) => {
        const { code, kind } = AppError.wrap(error);
        log.warn({ numberId, code, ...(kind === 'internal' ? { err: error } : {}) }, 'enablement-check-failed');
      });
    }
    const after = await this.db.em().findOne(CpaasNumber, numberId);
    return after?.nextCheckAt ?? undefined;
  }

  /** The same at a person's request, and also after a failure: a late success still counts. */
  @Answers(rpc.refreshNumber)
  async refresh({ scope, body: { id } }: RpcRequest<rpc.ById>): Promise<NumberView> {
    const number = await this.queries.find(scope, id);
    if (!number.checkable) return this.queries.view(number);
    const now = this.clock.now();
    const seconds = this.config.enablementRefreshSeconds;
    const allowed = await this.db.query(sql<{ id: string }>`
      update cpaas_number set refreshed_at = ${now} where id = ${id}
        and (refreshed_at is null or refreshed_at <= ${new Date(now.getTime() - seconds * 1000)}) returning id`);
    if (allowed.length === 0) {
      const last = number.refreshedAt ?? now;
      const left = Math.ceil(seconds - (now.getTime() - last.getTime()) / 1000);
      throw new RefreshedRecently(id, Math.min(seconds, Math.max(1, left)));
    }
    await this.check(number);
    return this.queries.view(await this.queries.find(scope, id));
  }

  /** After a failure: looks the number up, and asks for it once more where that is possible. */
  @Answers(rpc.retryEnablement)
  async retry({ scope, body: { id } }: RpcRequest<rpc.ById>): Promise<NumberView> {
    const number = await this.queries.find(scope, id);
    if (number.state !== 'failed')
      throw new NumberStateConflict(id, number.state, 'there is no failed SMS-enablement to try again');
    const recorder = this.timeline.recorder(id);
    const exchange = await this.exchangeOf(number, recorder);
    const answer = await recorder.step('enablement.retried', said, () => this.askAgain(exchange, number));
    await this.db.transactional(async (em) => {
      const row = await this.lock(em, id);
      if (row?.state !== 'failed') return;
      const { now, timing } = this.timing();
      if (answer.state === 'pending') row.awaitEnablement(answer.jobId, now, timing.nextCheckAt);
      else this.outbox.add(em, row.enablementChecked(answer, now, timing));
      this.timeline.transition(em, row, 'SMS-enablement asked for again.');
      this.schedule.armAfterCommit(row);
    });
    return this.queries.view(await this.queries.find(scope, id));
  }

  private async askAgain(exchange: MessageExchangePort, { id, e164 }: CpaasNumber): Promise<Omit<Requested, 'added'>> {
    const known = await exchange.lookup(e164);
    if (known && known.state !== 'failed') return pick(known);
    // The exchange decides whether a failed number may be submitted again (carrier-message-exchange §9).
    const answer = await requestEnablement(exchange, e164, { lookAgainMs: this.lookAgainMs }).catch(
      (error: unknown) => {
        throw error instanceof ExchangeRejected
          ? new EnablementStillFailed(id, String(error.details['reason']))
          : error;
      },
    );
    if (answer.state === 'failed') throw new EnablementStillFailed(id, answer.reason ?? 'No reason given');
    return answer;
  }

  /** Asks, and keeps the answer. When it could not ask, it counts that and throws the reason. */
  private async check(number: CpaasNumber): Promise<void> {
    const recorder = this.timeline.recorder(number.id);
    let record: EnablementRecord;
    try {
      await this.takeTurn(number.platformId);
      const exchange = await this.exchangeOf(number, recorder);
      record = await recorder.step('enablement.checked', said, () => ask(exchange, number));
    } catch (thrown) {
      const error = AppError.wrap(thrown);
      checks.inc({ result: error.code });
      await this.keep(number.id, (row, { now, timing }) => row.checkFailed(now, timing));
      await this.verification.exchangeAnswered(number.platformId, error);
      throw error;
    }
    checks.inc({ result: record.state });
    if (record.warning) log.warn({ numberId: number.id, warning: record.warning }, 'enablement-status-unknown');
    await this.keep(number.id, (row, { now, timing }) => row.enablementChecked(record, now, timing));
    await this.verification.exchangeAnswered(number.platformId);
  }

  private async keep(
    id: string,
    change: (
      row: CpaasNumber,
      about: ReturnType<EnablementService['timing']>,
    ) => ReturnType<CpaasNumber['checkFailed']>,
  ): Promise<void> {
    await this.db.transactional(async (em) => {
      const row = await this.lock(em, id);
      if (!row) return;
      const before = row.version;
      this.outbox.add(em, change(row, this.timing()));
      if (row.version !== before)
        this.timeline.transition(em, row, row.enablementReason ?? 'SMS-enabled with the mobile carrier.');
    });
  }

  private timing() {
    const { enablementGiveUpHours: giveUpHours } = this.config;
    return { now: this.clock.now(), timing: { nextCheckAt: this.schedule.next(), giveUpHours } };
  }

  private async lock(em: ReturnType<Db['em']>, id: string): Promise<CpaasNumber | null> {
    return em.findOne(CpaasNumber, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
  }

  private async exchangeOf(number: CpaasNumber, { onExchange }: Recorder): Promise<MessageExchangePort> {
    const { exchange } = this.carriers.open(await this.platforms.byId(number.platformId), onExchange);
    if (!exchange)
      throw new AppError(
        'conflict',
        'exchange-token-missing',
        'The platform has no Message Exchange token any more. Enter one to have the status checked.',
      );
    return exchange;
  }

  /** The database gives out the turns, so that all processes together keep to the rate of one token. */
  private async takeTurn(platformId: string): Promise<void> {
    const gapMs = 1000 / this.config.enablementRatePerSecond;
    const [turn] = await this.db.query(sql<{ waitMs: number }>`
      with turn as (select id, greatest(exchange_slot_at, clock_timestamp()) as at from platform where id = ${platformId} for update)
      update platform p set exchange_slot_at = turn.at + ${gapMs}::float8 * interval '1 millisecond' from turn where p.id = turn.id
      returning (extract(epoch from turn.at - clock_timestamp()) * 1000)::float8 as "waitMs"`);
    if (turn && turn.waitMs > 1) await wait(turn.waitMs);
  }
}

const ask = async (exchange: MessageExchangePort, number: CpaasNumber): Promise<EnablementRecord> => {
  const { e164, enablementJobId: jobId } = number;
  if (jobId && number.state === 'pending') return exchange.job(jobId, e164);
  const record = await exchange.lookup(e164, { jobId });
  return record ?? { number: e164, state: 'failed', jobId: null, reason: 'Number not found', updatedAt: null };
};

const said = ({ state, reason }: Pick<EnablementRecord, 'state' | 'reason'>): string =>
  `Message Exchange says ${state}${reason ? `: ${reason}` : ''}.`;
