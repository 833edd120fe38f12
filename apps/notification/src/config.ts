import { DEVELOPMENT_KEYRING, Env, IsKeyring, Secret, ServiceConfig } from '@strowger/config';
import { IsEmail, IsInt, IsOptional, IsString, IsUrl, Max, Min } from 'class-validator';

export class NotificationConfig extends ServiceConfig {
  @Secret() @Env('DATABASE_URL') @IsString() databaseUrl!: string;
  @Secret() @Env('REDIS_URL') @IsString() redisUrl!: string;
  /** `smtp://user:password@host:587` or `smtps://…`. */
  @Secret()
  @Env('SMTP_URL')
  @IsUrl({ protocols: ['smtp', 'smtps'], require_tld: false, require_protocol: true })
  smtpUrl!: string;
  /** Opens what hierarchy has sealed for a mail; the same keyring as hierarchy's. */
  @Secret() @Env('STROWGER_SECRET_KEYS') @IsKeyring() secretKeys: string = DEVELOPMENT_KEYRING;
  @Env('MAIL_FROM') @IsEmail() mailFrom = 'alerts@strowger.example';
  /** Where a mail's links lead; none are shown without it. */
  @Env('PORTAL_URL') @IsOptional() @IsUrl({ require_tld: false }) portalUrl?: string;
  /** The same news to the same recipient within this time is logged, not mailed. */
  @Env('MAIL_REPEAT_MINUTES') @IsInt() @Min(0) @Max(1440) repeatMinutes = 10;
  /** With the doubling backoff from five seconds to ten minutes, 40 tries are about six hours. */
  @Env('MAIL_MAX_ATTEMPTS') @IsInt() @Min(1) @Max(200) maxAttempts = 40;
}
