import { Env, EnvList, Secret, ServiceConfig } from '@strowger/config';
import { IsInt, IsNumber, IsNumberString, IsString, Max, Min } from 'class-validator';

export class RoutingConfig extends ServiceConfig {
  @Secret() @Env('DATABASE_URL') @IsString() databaseUrl!: string;
  @Secret() @Env('REDIS_URL') @IsString() redisUrl!: string;
  /** Opens the platforms' credentials; the same keyring as provisioning's. */
  @Secret() @Env('STROWGER_SECRET_KEYS') @IsString() secretKeys!: string;
  /** Texts a second from one number, with bursts of thirty times that (messaging-rules §7). 0: no limit per number. */
  @Env('NUMBER_RATE_PER_SECOND') @IsNumber() @Min(0) @Max(10_000) numberRatePerSecond = 1;
  /** Requests to one platform at once; the platform's own rate still holds. */
  @Env('SENDER_CONCURRENCY') @IsInt() @Min(1) @Max(256) senderConcurrency = 32;
  /** Tries for a refused or unreachable carrier; with the doubling backoff from two seconds, twelve are over two hours. */
  @Env('SEND_MAX_ATTEMPTS') @IsInt() @Min(1) @Max(100) sendMaxAttempts = 12;
  /** After a doubtful answer the carrier is asked after these seconds; a message that stays absent from its list was never taken. */
  @EnvList('SEND_PROBE_SECONDS') @IsNumberString({}, { each: true }) sendProbeSeconds: string[] = [
    '2',
    '5',
    '10',
    '20',
    '30',
  ];
  /**
   * A text whose last receipt has not come is looked up at the carrier after these times (s), each after the one before.
   * Without an end by then its state is `unknown`.
   */
  @EnvList('RECEIPT_LOOK_SECONDS') @IsNumberString({}, { each: true }) receiptLookSeconds: string[] = [
    '300',
    '900',
    '3600',
    '14400',
    '43200',
    '86400',
  ];
  /** How long we wait for a carrier's answer; one of them may itself take ten seconds to send. */
  @Env('CARRIER_TIMEOUT_SECONDS') @IsNumber() @Min(0.1) @Max(120) carrierTimeoutSeconds = 15;
  /** How often a platform's message list is read for messages its webhook never brought. */
  @Env('RECONCILE_SECONDS') @IsInt() @Min(5) @Max(86_400) reconcileSeconds = 300;
  /** A listed message younger than this may still have its webhook on the way. */
  @Env('RECONCILE_GRACE_SECONDS') @IsInt() @Min(0) @Max(3600) reconcileGraceSeconds = 60;
  /** Words beside START and UNSTOP that take an opt-out back, such as YES; off by default, they occur in conversations. */
  @EnvList('EXTRA_START_WORDS') @IsString({ each: true }) extraStartWords: string[] = [];
}
