import { Type } from 'class-transformer';
import {
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsOptional,
  IsString,
  IsUUID,
  ValidateNested,
} from 'class-validator';

export const MESSAGE_STATES = [
  'received',
  'held',
  'queued',
  'submitting',
  'accepted',
  'sent',
  'delivered',
  'undelivered',
  'rejected',
  'expired',
  'unknown',
  'failed',
  'submitted-unknown',
  'blocked',
] as const;
export type MessageState = (typeof MESSAGE_STATES)[number];

/** Why a message did not arrive, in words for the person who must act. */
export class MessageFailure {
  /** Normalized, kebab-case. */
  @IsString() reason!: string;
  @IsOptional() @IsString() carrierCode?: string;
  @IsString() nextStep!: string;
}
export class MessageView {
  @IsUUID() id!: string;
  @IsUUID() conversationId!: string;
  @IsIn(['inbound', 'outbound']) direction!: 'inbound' | 'outbound';
  /** The owned number. */
  @IsString() number!: string;
  /** The other party. */
  @IsString() remote!: string;
  @IsString() text!: string;
  @IsIn(MESSAGE_STATES) state!: MessageState;
  @IsIn(['GSM-7', 'UCS-2']) encoding!: 'GSM-7' | 'UCS-2';
  @IsInt() segments!: number;
  /** When we took it: from the carrier (inbound) or from the client (outbound). */
  @IsISO8601() createdAt!: string;
  @IsOptional() @ValidateNested() @Type(() => MessageFailure) failure?: MessageFailure;
  /** Position of its last change in the user's feed. */
  @IsInt() cursor!: number;
}
/** Why one of many texts was refused: the problem it would have had alone. */
export class SentProblem {
  @IsString() code!: string;
  @IsString() detail!: string;
}
/** What happened to one of many texts. */
export class SentView {
  /** The HTTP status it would have had alone: 202 when it is queued. */
  @IsInt() status!: number;
  @IsOptional() @ValidateNested() @Type(() => MessageView) message?: MessageView;
  /** It was queued before under the same Idempotency-Key, and this is the message as it is now. */
  @IsOptional() @IsBoolean() repeated?: boolean;
  @IsOptional() @ValidateNested() @Type(() => SentProblem) problem?: SentProblem;
}
/** In the order of the texts. */
export class SentManyView {
  @IsArray() @ValidateNested({ each: true }) @Type(() => SentView) items!: SentView[];
}
export class ConversationView {
  @IsUUID() id!: string;
  @IsUUID() userId!: string;
  @IsString() number!: string;
  @IsString() remote!: string;
  @IsISO8601() lastMessageAt!: string;
  @IsIn(['none', 'opted-out']) remoteConsent!: 'none' | 'opted-out';
}
export class AttemptView {
  @IsUUID() id!: string;
  @IsInt() part!: number;
  @IsInt() attempt!: number;
  @IsString() state!: string;
  @IsOptional() @IsString() carrierMessageId?: string;
  @IsOptional() @IsString() carrierStatus?: string;
  @IsOptional() @IsString() error?: string;
  @IsISO8601() startedAt!: string;
  @IsOptional() @IsISO8601() finishedAt?: string;
}
export class PreviewView {
  @IsIn(['GSM-7', 'UCS-2']) encoding!: 'GSM-7' | 'UCS-2';
  /** Septets (GSM-7) or UTF-16 code units (UCS-2). */
  @IsInt() units!: number;
  @IsInt() segments!: number;
  @IsArray() @IsString({ each: true }) parts!: string[];
  /** Shown beside the counter: what the carrier bills can be more. */
  @IsArray() @IsString({ each: true }) warnings!: string[];
}
export class SyncItem {
  @IsIn(['message.created', 'message.updated']) type!: 'message.created' | 'message.updated';
  @ValidateNested() @Type(() => MessageView) message!: MessageView;
}
export class SyncView {
  @IsArray() @ValidateNested({ each: true }) @Type(() => SyncItem) items!: SyncItem[];
  /** Where the client stands after these. */
  @IsInt() cursor!: number;
  /** There is more after `cursor`. */
  @IsBoolean() more!: boolean;
}
export class BlockView {
  @IsUUID() id!: string;
  @IsString() number!: string;
  @IsISO8601() createdAt!: string;
  /** Messages turned away since. */
  @IsOptional() @IsInt() blockedMessages?: number;
}
export class OptOutView {
  @IsUUID() id!: string;
  @IsString() number!: string;
  @IsString() remote!: string;
  @IsString() keyword!: string;
  @IsISO8601() at!: string;
}
export class QuarantinedView {
  @IsUUID() id!: string;
  @IsUUID() platformId!: string;
  @IsUUID() deliveryId!: string;
  @IsIn(['number-unknown', 'unreadable', 'account-mismatch']) reason!:
    'number-unknown' | 'unreadable' | 'account-mismatch';
  /** What happened and what to do. */
  @IsString() detail!: string;
  @IsOptional() @IsString() to?: string;
  @IsISO8601() at!: string;
  @IsOptional() @IsISO8601() releasedAt?: string;
}
