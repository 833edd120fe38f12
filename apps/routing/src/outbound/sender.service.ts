/** Sends what is due at a platform: one process per platform, at the platform's rate, each conversation in its order. */
import { Injectable } from '@nestjs/common';
import type { MessageFailure } from '@strowger/contracts-routing';
import { AppError, Clock } from '@strowger/kernel';
import type { MessageState } from '@strowger/sms';
import { counter, guarded, logger, span } from '@strowger/telemetry';
import { RoutingConfig } from '../config.js';
import { PlatformAccess, type OpenPlatform } from '../directory/platform-access.js';
import { stateAfter, stateOfParts } from '../messages/message.js';
import { SendingStore, type Attempt, type Claimed, type Outcome } from '../messages/sending.store.js';
import { FAILURES } from './failures.js';
import { OutcomeWriter } from './outcome-writer.js';
import { ReceiptsService } from './receipts.service.js';
import { TokenBucket } from './token-bucket.js';

/** While sending goes on, doubtful messages are looked for no more often than this. */
const PROBE_PAUSE_MS = 250;
/** How soon a new rate, or another sender, is noticed. */
const LEASE_PAUSE_MS = 2_000;
/** Well inside both leases. */
const RENEW_MS = 10_000;
/** Messages taken for sending at once: large statements, few of them. */
const CLAIM_AHEAD = 512;
const TROUBLE_PAUSE_MS = 3_000;
const GIVE_UP_LOOKING_MS = 24 * 3600_000;
const NUMBER_BURST_SECONDS = 30;
/** Nothing will work until a person acts; a minute is soon enough to notice that they did. */
const CREDENTIALS_PAUSE_SECONDS = 60;

const log = logger('sender');
const results = counter('strowger_outbound_total', 'Sent messages by what the carrier answered');

/** A drain under way: whether to look again, and what makes it look at once, even while a request has no answer. */
interface Run {
  again: boolean;
  wake: () => void;
}

@Injectable()
export class SenderService {
  private readonly draining = new Map<string, Run>();
  private readonly platformBuckets = new Map<string, TokenBucket>();
  private readonly numberBuckets = new Map<string, TokenBucket>();
  private readonly pausedUntil = new Map<string, number>();
  private readonly exhausted = new Map<string, number>();
  private readonly probeSeconds: readonly number[];
  private readonly firstLookSeconds: number | null;
  private readonly idleWaiters: (() => void)[] = [];
  private stopping = false;

  constructor(
    private readonly queries: SendingStore,
    private readonly platforms: PlatformAccess,
    private readonly receipts: ReceiptsService,
    private readonly clock: Clock,
    private readonly config: RoutingConfig,
  ) {
    this.probeSeconds = config.sendProbeSeconds.map(Number);
    this.firstLookSeconds = Number(config.receiptLookSeconds[0] ?? NaN) || null;
  }

  /**
   * Something is due at the platform: sends until nothing is, in this process unless another one sends for the platform.
   * Costs nothing while it is sending anyway.
   * @returns whether the right to send is held elsewhere
   */
  async drain(platformId: string): Promise<boolean> {
    const running = this.draining.get(platformId);
    if (running) {
      running.again = true;
      running.wake();
      return false;
    }
    if (this.stopping || this.isPaused(platformId)) return false;
    const run: Run = { again: true, wake: () => undefined };
    this.draining.set(platformId, run);
    let elsewhere = false;
    try {
      // A text that came while the right was given back met a sender that no longer looked.
      while (run.again && !elsewhere && !this.stopping && !this.isPaused(platformId)) {
        elsewhere = (await this.pump(platformId, run)) === 'elsewhere';
        if (!elsewhere) await this.giveBack(platformId);
      }
    } catch (error) {
      // Provisioning or the database is away; it is tried again after a pause.
      this.pausedUntil.set(platformId, Date.now() + TROUBLE_PAUSE_MS);
      await this.giveBack(platformId);
      throw error;
    } finally {
      this.draining.delete(platformId);
      if (this.draining.size === 0) for (const resolve of this.idleWaiters.splice(0)) resolve();
    }
    return elsewhere;
  }

  /** How many platforms are being sent for. */
  get busy(): number {
    return this.draining.size;
  }

  isSendingFor(platformId: string): boolean {
    return this.draining.has(platformId);
  }

  /** Until nothing is being sent. */
  async idle(): Promise<void> {
    while (this.draining.size > 0) await new Promise<void>((resolve) => this.idleWaiters.push(resolve));
  }

  /** For shutdown: takes nothing new. What is in flight ends. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const run of this.draining.values()) run.wake();
    await this.idle();
  }

  private async giveBack(platformId: string): Promise<void> {
    await this.queries.giveBack(platformId).catch((err: unknown) => log.warn({ platformId, err }, 'lease-kept'));
  }

  /** Keeps requests under way and a few lanes ahead, so that one without an answer holds up its own conversation only. */
  private async pump(platformId: string, run: Run): Promise<'done' | 'elsewhere'> {
    const failures: unknown[] = [];
    const failed = (error: unknown): void => void failures.push(error);
    const outcomes = new OutcomeWriter((batch) => this.settle(platformId, batch), failed);
    const active = new Set<readonly Claimed[]>();
    const waiting: Claimed[][] = [];
    let changed = Promise.withResolvers<void>();
    const signal = (): void => {
      changed.resolve();
      changed = Promise.withResolvers();
    };
    run.wake = signal;
    const start = (lane: readonly Claimed[], work: Promise<void>): void => {
      active.add(lane);
      void work.catch(failed).finally(() => {
        active.delete(lane);
        signal();
      });
    };
    // Beside the sending: a claim takes as long as many requests.
    let claiming: Promise<void> | undefined;
    const claim = (room: number): void => {
      claiming = this.queries
        .claim(platformId, room, this.exhaustedNumbers())
        .then((claimed) => {
          waiting.push(...lanesOf(claimed));
          if (claimed.length > 0) run.again = true;
        }, failed)
        .finally(() => {
          claiming = undefined;
          signal();
        });
    };
    const keep = setInterval(
      guarded('lease-renewal', () => {
        const ids = [...active, ...waiting].flat().map(({ message }) => message.id);
        return this.queries
          .renew(platformId, ids)
          .catch((err: unknown) => log.warn({ platformId, err }, 'lease-not-renewed'));
      }),
      RENEW_MS,
    );
    const width = this.config.senderConcurrency;
    let probedAt = 0;
    let leasedAt = 0;
    let lease: { ratePerSecond: number } | undefined;
    let elsewhere = false;
    const goesOn = (): boolean => failures.length === 0 && !this.stopping && !this.isPaused(platformId);
    try {
      while ((run.again || claiming || active.size + waiting.length > 0) && goesOn()) {
        if (Date.now() - leasedAt > LEASE_PAUSE_MS) {
          leasedAt = Date.now();
          lease = await this.queries.lease(platformId);
        }
        if (!lease) {
          elsewhere = true;
          break;
        }
        const platform = await this.platforms.of(platformId);
        const bucket = this.platformBucket(platformId, lease.ratePerSecond);
        // No more than the platform takes in two seconds, so that a change of rate is felt soon.
        const most = Math.min(CLAIM_AHEAD, Math.max(1, Math.ceil(lease.ratePerSecond * 2)));
        if (active.size < width && Date.now() - probedAt > PROBE_PAUSE_MS) {
          probedAt = Date.now();
          const doubtful = await this.queries.claimUnknown(platformId, width - active.size);
          for (const one of doubtful) start([one], this.probe(platform, one, outcomes));
          if (doubtful.length > 0) run.again = true;
        }
        const room = most - active.size - waiting.length;
        if (run.again && !claiming && room > 0 && waiting.length <= most / 2) {
          run.again = false;
          claim(room);
        }
        while (waiting.length > 0 && active.size < Math.min(width, most)) {
          const lane = waiting.shift()!;
          start(lane, this.sendLane(platformId, platform, lane, bucket, outcomes));
        }
        if (claiming || active.size > 0) await changed.promise;
      }
      await claiming;
      await this.queries.release(waiting.splice(0).flat(), this.clock.now());
      while (active.size > 0) await changed.promise;
      await outcomes.flushed();
    } finally {
      clearInterval(keep);
    }
    if (failures.length > 0) throw failures[0];
    return elsewhere ? 'elsewhere' : 'done';
  }

  /** Messages of one conversation, one after the other; after one that is not finished, the rest goes back in line. */
  private async sendLane(
    platformId: string,
    platform: OpenPlatform,
    lane: readonly Claimed[],
    bucket: TokenBucket,
    outcomes: OutcomeWriter,
  ): Promise<void> {
    for (const [at, claimed] of lane.entries()) {
      const { number } = claimed.message;
      const pause = this.numberBucket(number).take(claimed.parts.length, Date.now());
      if (pause > 0) this.exhausted.set(number, Date.now() + pause);
      if (pause > 0 || !(await this.turn(bucket)) || this.isPaused(platformId)) {
        const again = Math.max(Date.now() + pause, this.pausedUntil.get(platformId) ?? 0);
        return await this.queries.release(lane.slice(at), new Date(again));
      }
      const outcome = await this.send(platform, claimed, bucket);
      outcomes.add(outcome);
      if (outcome.cause === 'not-taken') this.pauseIfAsked(platformId, outcome);
      if (outcome.again !== null && at + 1 < lane.length)
        return await this.queries.release(lane.slice(at + 1), outcome.again);
    }
  }

  private async send(
    platform: OpenPlatform,
    { message, parts, encoding, allowed }: Claimed,
    bucket: TokenBucket,
  ): Promise<Outcome> {
    const never = (cause: 'opted-out' | 'given-up', failure: MessageFailure): Outcome => ({
      message,
      parts: parts.map((p) => ({ ...p, state: cause === 'opted-out' ? 'blocked' : 'failed' })),
      cause,
      failure,
      again: null,
    });
    if (allowed === 'number-released') return never('given-up', FAILURES['number-released']());
    if (allowed === 'opted-out' && !message.automatic) return never('opted-out', FAILURES['opted-out']());
    const done: Attempt[] = [];
    let carrierStatus: string | undefined;
    for (const part of parts) {
      // The first part's turn has come already.
      if (part !== parts[0]) await this.turn(bucket, true);
      try {
        const sent = await span('carrier.send-message', () =>
          platform.carrier.messages.send(platform.access, {
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
          platform,
          message,
          [...done, part, ...parts.slice(done.length + 1)],
          done.length,
          AppError.wrap(thrown),
        );
      }
    }
    return { message, parts: done, cause: 'accepted', carrierStatus, again: null };
  }

  /** What an error means for the message. `at` is the part it happened to; the parts after it were not tried. */
  private afterRefusal(
    { carrier }: OpenPlatform,
    message: Claimed['message'],
    parts: Attempt[],
    at: number,
    error: AppError,
  ): Outcome {
    const mark = (state: MessageState): Attempt[] =>
      parts.map((part, i) => (i < at ? part : i === at ? { ...part, state } : { ...part, state: 'failed' as const }));
    const why = `${error.code}: ${error.message}`;
    if (error.outcome === 'unknown')
      return {
        message,
        parts: mark('submitted-unknown'),
        cause: 'unanswered',
        error: why,
        failure: FAILURES['outcome-unknown'](),
        // Where the carrier can't be asked, a receipt or a person decides.
        again: carrier.messages.probe ? this.inSeconds(this.probeSeconds[0]!) : null,
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
        cause: 'given-up',
        error: why,
        failure: FAILURES['carrier-refused'](String(error.details['reason'] ?? error.message)),
        again: null,
      };
    if (message.attempts >= this.config.sendMaxAttempts)
      return {
        message,
        parts: mark('failed'),
        cause: 'given-up',
        error: why,
        failure: FAILURES['carrier-unreachable'](),
        again: null,
      };
    const seconds = ACCOUNT_TROUBLE.has(error.code)
      ? CREDENTIALS_PAUSE_SECONDS
      : (error.retryAfterSeconds ?? Math.min(2 ** message.attempts, 600));
    if (error.kind === 'internal') log.error({ messageId: message.id, err: error.cause ?? error }, 'send-failed');
    return { message, parts: mark('failed'), cause: 'not-taken', error: why, again: this.inSeconds(seconds) };
  }

  /** Looks at the carrier for what a doubtful request left behind; sends again only what is proven absent. */
  private async probe(platform: OpenPlatform, { message, parts }: Claimed, outcomes: OutcomeWriter): Promise<void> {
    const { probe } = platform.carrier.messages;
    if (!probe) return void (await outcomes.add(unknowable(message, parts)));
    try {
      const exclude = await this.queries.idsInConversation(message.conversationId);
      const looked: Attempt[] = [];
      for (const part of parts) {
        if (part.state !== 'submitting' && part.state !== 'submitted-unknown') {
          looked.push(part);
          continue;
        }
        const found = await probe(platform.access, {
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
      await outcomes.add(this.afterProbe(message, looked));
    } catch (thrown) {
      const error = AppError.wrap(thrown);
      const giveUp = Date.now() - new Date(message.createdAt).getTime() > GIVE_UP_LOOKING_MS;
      await outcomes.add({
        message,
        parts: parts.map((part) => (part.state === 'submitting' ? { ...part, state: 'submitted-unknown' } : part)),
        cause: 'unanswered',
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
      return again
        ? { message, parts, cause: 'not-taken', again: this.inSeconds(1) }
        : { message, parts, cause: `found:${stateOfParts(parts)}`, again: null };
    }
    const probes = Math.min(...missing.map((part) => part.probes));
    if (probes < this.probeSeconds.length)
      return {
        message,
        parts,
        cause: 'unanswered',
        failure: FAILURES['outcome-unknown'](),
        again: this.inSeconds(this.probeSeconds[probes]!),
      };
    results.inc({ as: 'proven-absent' });
    const absent = parts.map((part) =>
      part.state === 'submitted-unknown' ? { ...part, state: 'failed' as const } : part,
    );
    if (message.attempts >= this.config.sendMaxAttempts)
      return { message, parts: absent, cause: 'given-up', failure: FAILURES['carrier-unreachable'](), again: null };
    return {
      message,
      parts: absent,
      cause: 'not-taken',
      error: "not-taken: absent from the carrier's list",
      again: this.inSeconds(0),
    };
  }

  private async settle(platformId: string, batch: Outcome[]): Promise<void> {
    const { carrier } = await this.platforms.of(platformId);
    const canLook = carrier.messages.read !== undefined && carrier.receipts !== undefined;
    await this.queries.settle(batch, canLook ? this.firstLookSeconds : null);
    for (const { cause } of batch) results.inc({ as: stateAfter(cause) });
    const accepted = batch.flatMap((o) =>
      o.parts.map((part) => part.carrierMessageId).filter((id): id is string => id !== null),
    );
    // A receipt can be quicker than the answer it belongs to.
    await this.receipts.applyParked(platformId, accepted);
  }

  private pauseIfAsked(platformId: string, { error = '', again }: Outcome): void {
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

  /** Waits for the platform's rate; false when the service stops first. */
  private async turn(bucket: TokenBucket, evenWhileStopping = false): Promise<boolean> {
    for (let pause = bucket.take(1, Date.now()); pause > 0; pause = bucket.take(1, Date.now())) {
      if (this.stopping && !evenWhileStopping) return false;
      await new Promise((resolve) => setTimeout(resolve, evenWhileStopping ? pause : Math.min(pause, 200)));
    }
    return !this.stopping || evenWhileStopping;
  }

  private isPaused(platformId: string): boolean {
    return (this.pausedUntil.get(platformId) ?? 0) > Date.now();
  }

  /** Numbers whose rate is used up for now. */
  private exhaustedNumbers(): string[] {
    for (const [number, until] of this.exhausted) if (until <= Date.now()) this.exhausted.delete(number);
    return [...this.exhausted.keys()];
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

/** Half-sent, and the carrier can't be asked what it has: a receipt or a person decides. */
const unknowable = (message: Claimed['message'], parts: Attempt[]): Outcome => ({
  message,
  parts: parts.map((part) => (part.state === 'submitting' ? { ...part, state: 'submitted-unknown' } : part)),
  cause: 'unanswered',
  failure: FAILURES['outcome-unknown'](),
  again: null,
});
