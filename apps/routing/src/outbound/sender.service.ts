import { Inject, Injectable } from '@nestjs/common';
import type { MessageFailure } from '@strowger/contracts-routing';
import { AppError, Clock } from '@strowger/kernel';
import type { MessageState } from '@strowger/sms';
import { counter, logger, span } from '@strowger/telemetry';
import { RoutingConfig } from '../config.js';
import { ConsentService } from '../consent/consent.service.js';
import { PlatformAccess, type OpenPlatform } from '../directory/platform-access.js';
import { FAILURES, stateOfParts } from './attempts.js';
import { ReceiptsService } from './receipts.service.js';
import { SenderQueries, type Attempt, type Claimed, type Outcome } from './sender.queries.js';
import { TokenBucket } from './token-bucket.js';

const BATCH = 200;
/** After a doubtful answer the carrier is asked at these times (s); a message absent from its list to the end was never taken. */
const PROBE_AFTER_SECONDS = [2, 5, 10, 20, 30] as const;
const GIVE_UP_LOOKING_MS = 24 * 3600_000;
const NUMBER_BURST_SECONDS = 30;
/** Nothing will work until a person acts; a minute is soon enough to notice that they did. */
const CREDENTIALS_PAUSE_SECONDS = 60;

const log = logger('sender');
const results = counter('strowger_outbound_total', 'Sent messages by what the carrier answered');

/** Sends what is due at a platform: one process per platform, at the platform's rate, each conversation in its order. */
@Injectable()
export class SenderService {
  private readonly draining = new Map<string, { again: boolean }>();
  private readonly platformBuckets = new Map<string, TokenBucket>();
  private readonly numberBuckets = new Map<string, TokenBucket>();
  private readonly pausedUntil = new Map<string, number>();
  private stopping = false;

  constructor(
    @Inject(SenderQueries) private readonly queries: SenderQueries,
    @Inject(PlatformAccess) private readonly platforms: PlatformAccess,
    @Inject(ReceiptsService) private readonly receipts: ReceiptsService,
    @Inject(ConsentService) private readonly consent: ConsentService,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(RoutingConfig) private readonly config: RoutingConfig,
  ) {}

  /** Sends until nothing is due. A second call while one runs makes that one look again. */
  async drain(platformId: string): Promise<void> {
    const running = this.draining.get(platformId);
    if (running) {
      running.again = true;
      return;
    }
    const run = { again: true };
    this.draining.set(platformId, run);
    try {
      while (run.again && !this.stopping) {
        run.again = false;
        if ((this.pausedUntil.get(platformId) ?? 0) > Date.now()) break;
        const lease = await this.queries.lease(platformId);
        if (!lease) break;
        if (await this.round(platformId, lease.ratePerSecond)) run.again = true;
      }
      await this.queries.giveBack(platformId);
    } finally {
      this.draining.delete(platformId);
    }
  }

  /** For shutdown: takes nothing new. What is in flight ends in its round. */
  async stop(): Promise<void> {
    this.stopping = true;
    while (this.draining.size > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** One batch. True when there may be more. */
  private async round(platformId: string, ratePerSecond: number): Promise<boolean> {
    const unknown = await this.queries.claimUnknown(platformId, BATCH);
    const claimed = await this.queries.claim(platformId, Math.max(1, Math.min(BATCH, Math.ceil(ratePerSecond * 2))));
    if (unknown.length + claimed.length === 0) return false;
    const platform = await this.platforms.of(platformId).catch(async (error: unknown) => {
      // Provisioning is away: nothing was sent, so nothing is in doubt.
      await this.queries.release(claimed, this.inSeconds(5));
      throw error;
    });
    const outcomes = new OutcomeWriter((batch) => this.settle(platformId, batch));
    const bucket = this.platformBucket(platformId, ratePerSecond);
    const lanes = [
      ...unknown.map((one) => () => this.probe(platform, one, outcomes)),
      ...lanesOf(claimed).map((lane) => () => this.sendLane(platformId, platform, lane, bucket, outcomes)),
    ];
    await inParallel(lanes, this.config.senderConcurrency);
    await outcomes.written();
    return claimed.length + unknown.length > 0;
  }

  /** Messages of one conversation, one after the other; what comes after one that is not through goes back in line. */
  private async sendLane(
    platformId: string,
    platform: OpenPlatform,
    lane: Claimed[],
    bucket: TokenBucket,
    outcomes: OutcomeWriter,
  ): Promise<void> {
    for (const [at, claimed] of lane.entries()) {
      const pause = this.numberBucket(claimed.message.number).take(claimed.parts.length, Date.now());
      if (pause > 0 || this.stopping || (this.pausedUntil.get(platformId) ?? 0) > Date.now()) {
        await this.queries.release(lane.slice(at), new Date(Date.now() + pause));
        return;
      }
      const outcome = await this.send(platform, claimed, bucket);
      outcomes.add(outcome);
      if (outcome.state === 'queued') this.pauseIfTold(platformId, outcome);
      if (outcome.again !== null && at + 1 < lane.length) {
        await this.queries.release(lane.slice(at + 1), outcome.again);
        return;
      }
    }
  }

  private async send(
    platform: OpenPlatform,
    { message, parts, encoding }: Claimed,
    bucket: TokenBucket,
  ): Promise<Outcome> {
    // Asked again at the last moment: the other party may have opted out since it was queued.
    if (!message.automatic && (await this.consent.isOptedOut(message.number, message.remote)))
      return {
        message,
        parts: parts.map((p) => ({ ...p, state: 'blocked' as const })),
        state: 'blocked',
        failure: FAILURES['opted-out'](),
        again: null,
      };
    const done: Attempt[] = [];
    let carrierStatus: string | undefined;
    for (const part of parts) {
      await this.waitFor(bucket);
      try {
        const sent = await span('carrier.send-message', () =>
          platform.carrier.sendMessage(platform.access, {
            from: message.number,
            to: message.remote,
            body: part.text,
            encoding,
            statusCallbackUrl: platform.receiptsUrl,
          }),
        );
        if (sent.truncated)
          log.error({ messageId: message.id, carrierMessageId: sent.carrierMessageId }, 'message-truncated-by-carrier');
        done.push({ ...part, state: 'accepted', carrierMessageId: sent.carrierMessageId });
        carrierStatus = sent.status;
      } catch (thrown) {
        return this.afterRefusal(
          message,
          [...done, part, ...parts.slice(done.length + 1)],
          done.length,
          AppError.wrap(thrown),
        );
      }
    }
    return { message, parts: done, state: 'accepted', carrierStatus, again: null };
  }

  /** What an error means for the message. `at` is the part it happened to; the parts after it were not tried. */
  private afterRefusal(message: Claimed['message'], parts: Attempt[], at: number, error: AppError): Outcome {
    const mark = (state: MessageState): Attempt[] =>
      parts.map((part, i) => (i < at ? part : i === at ? { ...part, state } : { ...part, state: 'failed' as const }));
    const why = `${error.code}: ${error.message}`;
    if (error.outcome === 'unknown')
      return {
        message,
        parts: mark('submitted-unknown'),
        state: 'submitted-unknown',
        error: why,
        failure: FAILURES['outcome-unknown'](),
        again: this.inSeconds(PROBE_AFTER_SECONDS[0]),
      };
    const hopeless =
      (error.kind === 'invalid' ||
        error.kind === 'conflict' ||
        error.kind === 'not-found' ||
        error.kind === 'forbidden') &&
      !ACCOUNT_TROUBLE.has(error.code);
    if (hopeless)
      return {
        message,
        parts: mark('failed'),
        state: 'failed',
        error: why,
        failure: FAILURES['carrier-refused'](String(error.details['reason'] ?? error.message)),
        again: null,
      };
    if (message.attempts >= this.config.sendMaxAttempts)
      return {
        message,
        parts: mark('failed'),
        state: 'failed',
        error: why,
        failure: FAILURES['carrier-unreachable'](),
        again: null,
      };
    const seconds = ACCOUNT_TROUBLE.has(error.code)
      ? CREDENTIALS_PAUSE_SECONDS
      : (error.retryAfterSeconds ?? Math.min(2 ** message.attempts, 600));
    if (error.kind === 'internal') log.error({ messageId: message.id, err: error.cause ?? error }, 'send-failed');
    return { message, parts: mark('failed'), state: 'queued', error: why, again: this.inSeconds(seconds) };
  }

  /** Looks at the carrier for what a doubtful request left behind; sends again only what is proven absent. */
  private async probe(platform: OpenPlatform, { message, parts }: Claimed, outcomes: OutcomeWriter): Promise<void> {
    try {
      const exclude = await this.queries.idsInConversation(message.conversationId, message.id);
      for (const part of parts) if (part.carrierMessageId) exclude.add(part.carrierMessageId);
      const looked: Attempt[] = [];
      for (const part of parts) {
        if (part.state !== 'submitting' && part.state !== 'submitted-unknown') {
          looked.push(part);
          continue;
        }
        const found = await platform.carrier.findSentMessage(platform.access, {
          from: message.number,
          to: message.remote,
          body: part.text,
          since: part.startedAt,
          exclude,
        });
        if (found) exclude.add(found.carrierMessageId);
        looked.push(
          found
            ? { ...part, state: 'accepted', carrierMessageId: found.carrierMessageId }
            : { ...part, state: 'submitted-unknown', probes: part.probes + 1 },
        );
      }
      outcomes.add(this.afterProbe(message, looked));
    } catch (thrown) {
      const error = AppError.wrap(thrown);
      const giveUp = Date.now() - new Date(message.createdAt).getTime() > GIVE_UP_LOOKING_MS;
      outcomes.add({
        message,
        parts,
        state: 'submitted-unknown',
        error: `${error.code}: ${error.message}`,
        failure: FAILURES['outcome-unknown'](),
        again: giveUp ? null : this.inSeconds(30),
      });
    }
  }

  private afterProbe(message: Claimed['message'], parts: Attempt[]): Outcome {
    const missing = parts.filter((part) => part.state === 'submitted-unknown');
    if (missing.length === 0) {
      // A part that was never tried, or refused, is sent in a new attempt.
      const again = parts.some((part) => part.state === 'failed');
      return { message, parts, state: again ? 'queued' : stateOfParts(parts), again: again ? this.inSeconds(1) : null };
    }
    const probes = Math.min(...missing.map((part) => part.probes));
    if (probes < PROBE_AFTER_SECONDS.length)
      return {
        message,
        parts,
        state: 'submitted-unknown',
        failure: FAILURES['outcome-unknown'](),
        again: this.inSeconds(PROBE_AFTER_SECONDS[probes]!),
      };
    results.inc({ as: 'proven-absent' });
    const absent = parts.map((part) =>
      part.state === 'submitted-unknown' ? { ...part, state: 'failed' as const } : part,
    );
    if (message.attempts >= this.config.sendMaxAttempts)
      return { message, parts: absent, state: 'failed', failure: FAILURES['carrier-unreachable'](), again: null };
    return {
      message,
      parts: absent,
      state: 'queued',
      error: "not-taken: absent from the carrier's list",
      again: this.inSeconds(0),
    };
  }

  private async settle(platformId: string, batch: Outcome[]): Promise<void> {
    await this.queries.settle(batch);
    for (const { state } of batch) results.inc({ as: state });
    const accepted = batch.flatMap((o) =>
      o.parts.map((part) => part.carrierMessageId).filter((id): id is string => id !== null),
    );
    // A receipt can be quicker than the answer it belongs to.
    await this.receipts.applyParked(platformId, accepted);
  }

  private pauseIfTold(platformId: string, { error = '', again }: Outcome): void {
    const code = error.split(':')[0]!;
    if (again && (ACCOUNT_TROUBLE.has(code) || code === 'carrier-rate-limited'))
      this.pausedUntil.set(platformId, again.getTime());
  }

  private platformBucket(platformId: string, rate: number): TokenBucket {
    const bucket = this.platformBuckets.get(platformId) ?? new TokenBucket(rate, Math.max(1, rate), Date.now());
    bucket.ratePerSecond = rate;
    this.platformBuckets.set(platformId, bucket);
    return bucket;
  }

  private numberBucket(number: string): TokenBucket {
    const rate = this.config.numberRatePerSecond;
    const known = this.numberBuckets.get(number);
    if (known) return known;
    if (this.numberBuckets.size > 10_000)
      for (const [key, bucket] of this.numberBuckets) if (bucket.isFull(Date.now())) this.numberBuckets.delete(key);
    const bucket = new TokenBucket(rate, Math.max(1, rate * NUMBER_BURST_SECONDS), Date.now());
    this.numberBuckets.set(number, bucket);
    return bucket;
  }

  private async waitFor(bucket: TokenBucket): Promise<void> {
    for (let pause = bucket.take(1, Date.now()); pause > 0; pause = bucket.take(1, Date.now()))
      await new Promise((resolve) => setTimeout(resolve, pause));
  }

  private inSeconds(seconds: number): Date {
    return new Date(this.clock.now().getTime() + seconds * 1000);
  }
}

const ACCOUNT_TROUBLE = new Set(['platform-credentials-refused', 'platform-account-suspended']);

function lanesOf(claimed: readonly Claimed[]): Claimed[][] {
  const lanes = new Map<string, Claimed[]>();
  for (const one of claimed) {
    const lane = lanes.get(one.message.conversationId);
    if (lane) lane.push(one);
    else lanes.set(one.message.conversationId, [one]);
  }
  return [...lanes.values()];
}

async function inParallel(tasks: readonly (() => Promise<void>)[], width: number): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < tasks.length) await tasks[next++]!();
  };
  await Promise.all(Array.from({ length: Math.min(width, tasks.length) }, worker));
}

/** Gathers outcomes while a write is under way and writes them together. */
class OutcomeWriter {
  private waiting: Outcome[] = [];
  private writing: Promise<void> | undefined;

  constructor(private readonly write: (batch: Outcome[]) => Promise<void>) {}

  add(outcome: Outcome): void {
    this.waiting.push(outcome);
    this.writing ??= this.run();
  }

  /** Rejects when a write failed: the messages then wait for their lease to end and are looked up. */
  async written(): Promise<void> {
    await this.writing;
  }

  private async run(): Promise<void> {
    try {
      while (this.waiting.length > 0) {
        await new Promise((resolve) => setImmediate(resolve));
        await this.write(this.waiting.splice(0));
      }
    } finally {
      this.writing = undefined;
    }
  }
}
