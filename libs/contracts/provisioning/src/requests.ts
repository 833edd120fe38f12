import { Type } from 'class-transformer';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { PLATFORM_KINDS, type PlatformKind } from './platform-kinds.js';

/** Options and credentials a platform is created with. Secrets are never readable back. */
export class CreatePlatform {
  @IsUUID() systemProviderId!: string;
  @IsIn(PLATFORM_KINDS) kind!: PlatformKind;
  @IsOptional() @IsString() @Length(1, 64) name?: string;
  /** Restcomm: Account SID. */
  @IsString() @Length(1, 128) @JSONSchema({ examples: ['AC0123456789abcdef0123456789abcdef'] }) account!: string;
  /** Restcomm: Auth Token. */
  @IsString() @Length(1, 256) @JSONSchema({ writeOnly: true }) secret!: string;
  /** With it, adding a number also SMS-enables it with the mobile carrier. */
  @IsOptional() @IsString() @Length(1, 256) @JSONSchema({ writeOnly: true }) messageExchangeToken?: string;
  @IsOptional() @IsIn(['canonical', 'teleapi']) messageExchangeProfile?: 'canonical' | 'teleapi';
  /** One of the carrier addresses this installation allows; the first of them when absent. */
  @IsOptional() @IsString() @MaxLength(255) baseUrl?: string;
  @IsOptional() @IsBoolean() @JSONSchema({ default: true }) smsAvailable?: boolean;
  @IsOptional() @IsBoolean() @JSONSchema({ default: true }) userCanBlockNumbers?: boolean;
  @IsOptional() @IsNumber() @Min(0.1) @Max(10_000) @JSONSchema({ default: 10 }) ratePerSecond?: number;
}
export class UpdatePlatform {
  @IsUUID() id!: string;
  @IsOptional() @IsInt() version?: number;
  @IsOptional() @IsString() @Length(1, 64) name?: string;
  @IsOptional() @IsString() @Length(1, 128) account?: string;
  @IsOptional() @IsString() @Length(1, 256) @JSONSchema({ writeOnly: true }) secret?: string;
  /** An empty string removes the token. */
  @IsOptional() @IsString() @MaxLength(256) @JSONSchema({ writeOnly: true }) messageExchangeToken?: string;
  @IsOptional() @IsBoolean() smsAvailable?: boolean;
  @IsOptional() @IsBoolean() userCanBlockNumbers?: boolean;
  @IsOptional() @IsNumber() @Min(0.1) @Max(10_000) ratePerSecond?: number;
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
  @IsOptional() @IsString() @Matches(/^[a-z-]{1,32}$/) state?: string;
  @IsOptional() @IsUUID() userId?: string;
}
