import { IsEmail, IsInt, IsNotEmpty, Max, Min, MinLength, ValidateIf } from 'class-validator';
import { Env, Secret, ServiceConfig } from '@strowger/config';

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

  /** A refresh token's life; every use begins it anew. */
  @Env('SESSION_DAYS')
  @IsInt()
  @Min(1)
  @Max(365)
  sessionDays: number = 30;

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
