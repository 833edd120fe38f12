import {
  Env,
  EnvList,
  EnvLists,
  IsKeyring,
  IsUrlList,
  IsUrlListPerName,
  Secret,
  ServiceConfig,
} from '@strowger/config';
import {
  ArrayNotEmpty,
  IsBoolean,
  IsIn,
  IsInt,
  IsNotEmpty,
  IsNumberString,
  IsString,
  IsUrl,
  Length,
  Max,
  Min,
  ValidateIf,
} from 'class-validator';

const hasTeleapi = ({ teleapiBaseUrls }: ProvisioningConfig): boolean => teleapiBaseUrls.length > 0;
const hasExchange = ({ messageExchangeBaseUrls }: ProvisioningConfig): boolean => messageExchangeBaseUrls.length > 0;

export class ProvisioningConfig extends ServiceConfig {
  @Secret() @Env('DATABASE_URL') @IsNotEmpty() databaseUrl!: string;
  @Env('DATABASE_POOL_SIZE') @IsInt() @Min(2) @Max(200) databasePoolSize: number = 10;
  @Secret() @Env('REDIS_URL') @IsNotEmpty() redisUrl!: string;
  /** Seals carrier credentials; routing opens them with the same keyring. */
  @Secret() @Env('STROWGER_SECRET_KEYS') @IsKeyring() secretKeys!: string;

  /** What carriers call, without a path: `https://hooks.example.net`. */
  @Env('HOOKS_PUBLIC_URL')
  @IsUrl({ require_tld: false, require_protocol: true, protocols: ['http', 'https'] })
  hooksPublicUrl!: string;

  /** By kind of carrier. Platforms may only be at one of these addresses; the first of a kind is its default. */
  @EnvLists('CARRIER_<NAME>_BASE_URLS', { RESTCOMM_BASE_URLS: 'restcomm' })
  @IsUrlListPerName()
  carrierBaseUrls: Record<string, string[]> = {};
  /** Message Exchange, canonical profile; there is no public default address. */
  @EnvList('MESSAGE_EXCHANGE_BASE_URLS') @ValidateIf(hasExchange) @IsUrlList() messageExchangeBaseUrls: string[] = [];
  /** Message Exchange, TeleAPI dialect. */
  @EnvList('TELEAPI_BASE_URLS') @ValidateIf(hasTeleapi) @IsUrlList() teleapiBaseUrls: string[] = [];
  /** The application that numbers are bound to, where a carrier has applications; its exact name in the carrier's portal. */
  @Env('CONNECTOR_APPLICATION_NAME') @IsString() @Length(1, 64) applicationName: string = 'UnitySmsConnector';
  /** From a request to the carrier to its last byte. */
  @Env('CARRIER_READ_MS') @IsInt() @Min(50) @Max(60_000) carrierReadMs: number = 15_000;

  /** `lenient` lets longer digit strings through to the carrier, whose refusal is then shown; for demonstrations of that. */
  @Env('NUMBER_VALIDATION') @IsIn(['strict', 'lenient']) numberValidation: 'strict' | 'lenient' = 'strict';

  /** Jobs take 5–15 minutes, so one poll usually suffices. */
  @Env('ENABLEMENT_POLL_SECONDS') @IsInt() @Min(1) @Max(86_400) enablementPollSeconds: number = 1200;
  /** A job without a result by then counts as failed. */
  @Env('ENABLEMENT_GIVE_UP_HOURS') @IsInt() @Min(1) @Max(720) enablementGiveUpHours: number = 24;
  @Env('ENABLEMENT_REFRESH_SECONDS') @IsInt() @Min(0) @Max(3600) enablementRefreshSeconds: number = 30;
  /** Requests a second to Message Exchange while polling, per platform. */
  @Env('ENABLEMENT_RATE_PER_SECOND') @IsInt() @Min(1) @Max(100) enablementRatePerSecond: number = 2;
  /** How long after a write with an unknown outcome we look whether it worked: milliseconds, one for each look. */
  @EnvList('CARRIER_LOOK_AGAIN_MS')
  @ArrayNotEmpty()
  @IsNumberString({ no_symbols: true }, { each: true })
  carrierLookAgainMs: string[] = ['2000', '5000', '10000'];
  /** Also takes a released number off Message Exchange; enablement may be shared with other uses, so off by default. */
  @Env('MESSAGE_EXCHANGE_REMOVE_ON_RELEASE') @IsBoolean() removeOnRelease: boolean = false;

  /** How often stored credentials are verified again. */
  @Env('PLATFORM_VERIFY_SECONDS') @IsInt() @Min(1) @Max(86_400) platformVerifySeconds: number = 1800;

  /** Quick tries to undo something at a carrier before people are alerted; slow ones go on. */
  @Env('CARRIER_UNDO_ATTEMPTS') @IsInt() @Min(1) @Max(20) undoAttempts: number = 5;
  @Env('CARRIER_UNDO_BACKOFF_MS') @IsInt() @Min(1) @Max(60_000) undoBackoffMs: number = 500;
  @Env('CARRIER_CLEANUP_SECONDS') @IsInt() @Min(1) @Max(86_400) cleanupSeconds: number = 300;
}
