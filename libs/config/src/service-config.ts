import { IsIn, IsInt, IsNotEmpty, IsOptional, IsUrl, Max, Min } from 'class-validator';
import { Env, Secret } from './env.decorators.js';

export type Mode = 'development' | 'test' | 'production';

/** What every service reads; a service's own class extends it. */
export abstract class ServiceConfig {
  /** Production when not set, so that forgetting it is the strict choice. */
  @Env('STROWGER_MODE')
  @IsIn(['development', 'test', 'production'])
  mode: Mode = 'production';

  /** May carry credentials, hence a secret; comma-separated for a cluster. */
  @Env('NATS_URL')
  @Secret()
  @IsNotEmpty()
  natsUrl!: string;

  @Env('LOG_LEVEL')
  @IsIn(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
  logLevel: string = 'info';

  /** Liveness, readiness and metrics; 0 picks a free port. */
  @Env('OPS_PORT')
  @IsInt()
  @Min(0)
  @Max(65535)
  opsPort!: number;

  /** Address the ops port listens on; probes and scrapers come from outside the container. */
  @Env('OPS_HOST')
  @IsNotEmpty()
  opsHost: string = '0.0.0.0';

  /** Time between failing readiness and refusing connections, so that load balancers notice first. */
  @Env('SHUTDOWN_DELAY_MS')
  @IsInt()
  @Min(0)
  @Max(15_000)
  shutdownDelayMs: number = 0;

  /** Turns tracing on; read by the telemetry preload, kept here so that a wrong one is named. */
  @Env('OTEL_EXPORTER_OTLP_ENDPOINT')
  @IsOptional()
  @IsUrl({ require_tld: false, require_protocol: true, protocols: ['http', 'https'] })
  otlpEndpoint?: string;
}
