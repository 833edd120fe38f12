import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsInt,
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

/** Sends from a number of the user. Who the user is comes from the scope (client token) or from `userId` (portal user). */
export class SendMessage {
  /** Chosen by the gateway from the idempotency key, so that a repeat finds the first. */
  @IsOptional() @IsUUID() messageId?: string;
  @IsOptional() @IsUUID() userId?: string;
  /** An owned number; may be left out when the user has one only. */
  @IsOptional() @IsString() @Length(1, 32) @JSONSchema({ examples: ['+12015550123'] }) from?: string;
  @IsString() @Length(1, 32) @JSONSchema({ examples: ['+12015550199'] }) to!: string;
  @IsString() @Length(1, 1600) @JSONSchema({ examples: ['Your table is ready.'] }) text!: string;
}
/** Texts in the order they are to be sent. Each is taken or refused by itself; a malformed one refuses them all. */
export class SendMessages {
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(1000)
  @ValidateNested({ each: true })
  @Type(() => SendMessage)
  items!: SendMessage[];
}
export class PreviewMessage {
  @IsString() @MaxLength(10_000) @JSONSchema({ examples: ['Your table is ready.'] }) text!: string;
}
export class ListMessages {
  @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) @JSONSchema({ default: 50 }) limit?: number;
  @IsOptional() @IsString() @MaxLength(500) cursor?: string;
  @IsOptional() @IsUUID() conversationId?: string;
  @IsOptional() @IsUUID() userId?: string;
}
export class ListConversations {
  @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) @JSONSchema({ default: 50 }) limit?: number;
  @IsOptional() @IsString() @MaxLength(500) cursor?: string;
  @IsOptional() @IsUUID() userId?: string;
}
/** Everything that changed for the user after `cursor`, oldest change first. */
export class SyncClient {
  @IsUUID() userId!: string;
  @IsOptional() @Type(() => Number) @IsInt() @Min(0) @Max(Number.MAX_SAFE_INTEGER) cursor?: number;
  @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(1000) @JSONSchema({ default: 200 }) limit?: number;
}
export class FeedHeads {
  @IsUUID(undefined, { each: true }) userIds!: string[];
}
/** The client has shown everything up to the cursor. */
export class AckClient {
  @IsUUID() userId!: string;
  @IsInt() @Min(0) @Max(Number.MAX_SAFE_INTEGER) cursor!: number;
}
export class BlockNumber {
  @IsUUID() userId!: string;
  @IsString() @Length(1, 32) number!: string;
}
export class ListQuarantine {
  @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) @JSONSchema({ default: 50 }) limit?: number;
  @IsOptional() @IsString() @MaxLength(500) cursor?: string;
  @IsOptional() @IsBoolean() includeReleased?: boolean;
}
