import { IsBoolean, IsEmail, IsInt, IsNotEmpty, Max, Min, MinLength, ValidateIf } from 'class-validator';
import { DEVELOPMENT_KEYRING, Env, IsKeyring, Secret, ServiceConfig } from '@strowger/config';

const namesOperator = (config: HierarchyConfig): boolean =>
  config.operatorEmail !== undefined || config.operatorPassword !== undefined;

export class HierarchyConfig extends ServiceConfig {
  /** The role owns the schema `hierarchy` and sees no other. */
  @Env('DATABASE_URL')
  @Secret()
  @IsNotEmpty()
  databaseUrl!: string;

  @Env('DATABASE_POOL_SIZE')
  @IsInt()
  @Min(2)
  @Max(200)
  databasePoolSize: number = 10;

  /** The first operator, made at start-up when there is none. Give both or neither. */
  @Env('OPERATOR_EMAIL')
  @ValidateIf(namesOperator)
  @IsEmail()
  operatorEmail?: string;

  /** Only for the first start; changed in the portal from then on. */
  @Env('OPERATOR_PASSWORD')
  @Secret({ minLength: 12 })
  @ValidateIf(namesOperator)
  @MinLength(12)
  operatorPassword?: string;

  /** A BroadWorks user id must hold one @. Off where user ids are device ids. */
  @Env('USER_ID_NEEDS_DOMAIN')
  @IsBoolean()
  userIdNeedsDomain: boolean = true;

  /** Rows of an import that are done in one transaction: what a dead process leaves undone, and how long it holds locks. */
  @Env('IMPORT_BATCH_ROWS')
  @IsInt()
  @Min(1)
  @Max(5000)
  importBatchRows: number = 500;

  /** Finished imports and the results of their rows go after this long. */
  @Env('IMPORT_KEEP_DAYS')
  @IsInt()
  @Min(1)
  @Max(3650)
  importKeepDays: number = 30;

  /** A refresh token's life; every use begins it again. */
  @Env('SESSION_DAYS')
  @IsInt()
  @Min(1)
  @Max(365)
  sessionDays: number = 30;

  /** Seals password-reset tokens on their way to the mail; the same keyring as notification's. */
  @Env('STROWGER_SECRET_KEYS')
  @Secret()
  @IsKeyring()
  secretKeys: string = DEVELOPMENT_KEYRING;

  /**
   * Whether a call from an address that is not on an interface user's list locks it, as "any unsuccessful login" can be
   * read. Then anyone who knows its name can lock it, from anywhere.
   */
  @Env('LOCK_ON_ACL_DENIED')
  @IsBoolean()
  lockOnAclDenied: boolean = false;

  /** How long logins are kept for a look back; at least a year. */
  @Env('LOGIN_HISTORY_DAYS')
  @IsInt()
  @Min(366)
  @Max(3660)
  loginHistoryDays: number = 400;

  // argon2id with 19 MiB, 2 passes, 1 lane: OWASP Password Storage Cheat Sheet. Old hashes are renewed at sign-in.

  @Env('PASSWORD_MEMORY_KIB')
  @IsInt()
  @Min(8)
  @Max(1_048_576)
  passwordMemoryKib: number = 19_456;

  @Env('PASSWORD_ITERATIONS')
  @IsInt()
  @Min(1)
  @Max(20)
  passwordIterations: number = 2;

  @Env('PASSWORD_PARALLELISM')
  @IsInt()
  @Min(1)
  @Max(8)
  passwordParallelism: number = 1;
}
