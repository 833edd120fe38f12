import { Type } from 'class-transformer';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { IsPlatformKind } from './platform-kinds.js';
import { NUMBER_STATES, type NumberState } from './views.js';

/** What a platform may be used for. What is not given keeps its value; at first, its default. */
export class PlatformOptions {
  @IsOptional() @IsBoolean() @JSONSchema({ default: true }) smsAvailable?: boolean;
  @IsOptional() @IsBoolean() @JSONSchema({ default: true }) userCanBlockNumbers?: boolean;
  @IsOptional() @IsNumber() @Min(0.1) @Max(10_000) @JSONSchema({ default: 10 }) ratePerSecond?: number;
}
/** Options and credentials a platform is created with. Secrets are never readable back. */
export class CreatePlatform {
  @IsUUID() systemProviderId!: string;
  @IsPlatformKind() kind!: string;
  @IsOptional() @IsString() @Length(1, 64) name?: string;
  /** One of the carrier addresses this installation allows; the first of them when absent. */
  @IsOptional() @IsString() @MaxLength(255) baseUrl?: string;
  @IsOptional() @ValidateNested() @Type(() => PlatformOptions) options?: PlatformOptions;
  /** Fields of the kind's own form. */
  @IsObject()
  @JSONSchema({ writeOnly: true, additionalProperties: { type: 'string' } })
  credentials!: Record<string, unknown>;
}
export class UpdatePlatform {
  @IsUUID() id!: string;
  @IsOptional() @IsInt() version?: number;
  @IsOptional() @IsString() @Length(1, 64) name?: string;
  @IsOptional() @ValidateNested() @Type(() => PlatformOptions) options?: PlatformOptions;
  /** Those that change; an empty text removes one that may be absent. */
  @IsOptional()
  @IsObject()
  @JSONSchema({ writeOnly: true, additionalProperties: { type: 'string' } })
  credentials?: Record<string, unknown>;
}

/** How long the caller is ready to wait for the result before it gets an operation instead. Seconds, 0–30. */
class Waiting {
  @IsOptional() @IsInt() @Min(0) @Max(30) waitSeconds?: number;
}
export class AssignNumber extends Waiting {
  /** Chosen before the first remote call, so that a repeat finds the first try. */
  @IsOptional() @IsUUID() numberId?: string;
  @IsUUID() userId!: string;
  /** Ten digits, with or without 1 or +1 before them. */
  @IsString() @Length(1, 32) @JSONSchema({ examples: ['2015550123'] }) number!: string;
  @IsOptional() @IsString() @Length(1, 64) friendlyName?: string;
  /** Needed when the provider has more than one platform. */
  @IsOptional() @IsUUID() platformId?: string;
}
export class ReleaseNumber extends Waiting {
  @IsUUID() id!: string;
  @IsOptional() @IsBoolean() deleteMessages?: boolean;
}
export class UpdateNumber {
  @IsUUID() id!: string;
  @IsOptional() @IsInt() version?: number;
  @IsString() @Length(1, 64) friendlyName!: string;
}
export class CountNumbersUnder {
  @IsIn(['system-provider', 'reseller', 'group', 'user']) level!: 'system-provider' | 'reseller' | 'group' | 'user';
  /** Of the node, which hierarchy may have deleted. */
  @IsUUID() id!: string;
}
export class ListNumbers {
  @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) @JSONSchema({ default: 50 }) limit?: number;
  @IsOptional() @IsString() @MaxLength(500) cursor?: string;
  @IsOptional() @IsString() @MaxLength(161) search?: string;
  @IsOptional() @IsIn(NUMBER_STATES) state?: NumberState;
  @IsOptional() @IsUUID() userId?: string;
}
