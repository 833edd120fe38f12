import { Env, EnvList, Secret } from '@strowger/config';
import { IsBoolean, IsInt, IsString, IsUrl, Max, Min, MinLength } from 'class-validator';
import { NetworkList, parseNetwork } from '@strowger/kernel';
import { IsNetworkList, SoapConfig } from './soap.config.js';

export class GatewayConfig extends SoapConfig {
  /** Public REST and WebSocket port; 0 picks a free one. */
  @Env('PORT')
  @IsInt()
  @Min(0)
  @Max(65_535)
  port!: number;
  @Env('HOST') @IsString() host = '127.0.0.1';
  /** What clients call; shown in the OpenAPI document. */
  @Env('GATEWAY_PUBLIC_URL') @IsUrl({ require_tld: false }) publicUrl = 'http://127.0.0.1:27000';
  /** Signs access and client tokens (HS256), so at least 32 characters. */
  @Secret() @Env('STROWGER_TOKEN_SECRET') @IsString() @MinLength(32) tokenSecret!: string;
  @Env('ACCESS_TOKEN_SECONDS') @IsInt() @Min(60) @Max(3600) accessTokenSeconds = 600;
  @Env('CLIENT_TOKEN_SECONDS') @IsInt() @Min(60) @Max(3600) clientTokenSeconds = 900;
  /** Off only where TLS ends nowhere, as on a developer's machine. */
  @Env('SECURE_COOKIES') @IsBoolean() secureCookies = true;
  /** How often connected clients' feeds are compared with what they were sent: finds a lost last push. */
  @Env('FEED_CHECK_SECONDS') @IsInt() @Min(1) feedCheckSeconds = 15;
  /** Longer than the longest carrier call behind a request (plus 30 s of `Prefer: wait`), so that the service answers first. */
  @Env('RPC_TIMEOUT_SECONDS') @IsInt() @Min(1) @Max(300) rpcTimeoutSeconds = 45;
  /**
   * A first try under an Idempotency-Key that says nothing for this long is taken for dead, as after a crash of the
   * gateway; ids derived from the key keep a second one harmless. Longer than RPC_TIMEOUT_SECONDS.
   */
  @Env('IDEMPOTENCY_ABANDONED_SECONDS') @IsInt() @Min(1) @Max(3600) idempotencyAbandonedSeconds = 60;
  /** The largest file of an import of users. */
  @Env('IMPORT_MAX_BYTES') @IsInt() @Min(1024) @Max(100_000_000) importMaxBytes = 20_000_000;
  /** License requests of one caller (a location service), ten times as many at once after a pause; per gateway. */
  @Env('LICENSE_REQUESTS_PER_SECOND') @IsInt() @Min(1) @Max(100_000) licenseRequestsPerSecond = 200;
  /** Texts of one user, of one system provider and from one address, ten times as many at once; 0 sets no limit. Per gateway. */
  @Env('SENDS_PER_SECOND_OF_USER') @IsInt() @Min(0) @Max(1_000_000) sendsPerSecondOfUser = 20;
  @Env('SENDS_PER_SECOND_OF_PROVIDER') @IsInt() @Min(0) @Max(1_000_000) sendsPerSecondOfProvider = 1000;
  @Env('SENDS_PER_SECOND_FROM_ADDRESS') @IsInt() @Min(0) @Max(1_000_000) sendsPerSecondFromAddress = 1000;
  /** Sockets open at once; 0 sets no limit. Per gateway. */
  @Env('SOCKETS_OF_USER') @IsInt() @Min(0) @Max(1_000_000) socketsOfUser = 20;
  @Env('SOCKETS_OF_PROVIDER') @IsInt() @Min(0) @Max(1_000_000) socketsOfProvider = 20_000;
  @Env('SOCKETS_FROM_ADDRESS') @IsInt() @Min(0) @Max(1_000_000) socketsFromAddress = 2000;
  /** Tokens and API keys nobody issued, from one address, ten at once; 0 sets no limit. Right ones are taken meanwhile. */
  @Env('WRONG_CREDENTIALS_PER_MINUTE') @IsInt() @Min(0) @Max(1_000_000) wrongCredentialsPerMinute = 30;
  /**
   * Addresses and networks of the proxies before us. Only what they add to `X-Forwarded-For` is believed; without any,
   * a caller's address is that of its connection. Decides where interface users may call from.
   */
  @EnvList('TRUSTED_PROXIES') @IsString({ each: true }) @IsNetworkList() trustedProxies: string[] = [];
  /** Portal frontends on other origins, such as https://portal.example.net. */
  @EnvList('CORS_ORIGINS') @IsString({ each: true }) corsOrigins: string[] = [];
}

/** What TRUSTED_PROXIES names. */
export const trustedProxiesOf = ({ trustedProxies }: Pick<GatewayConfig, 'trustedProxies'>): NetworkList =>
  new NetworkList(trustedProxies.map((text) => parseNetwork(text, { ipv4: 0, ipv6: 0 }).network!));
