import { Type } from 'class-transformer';
import {
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  ValidateNested,
} from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import type { SerializedError } from '@strowger/kernel';
import { IsPlatformKind } from './platform-kinds.js';

export class PlatformOptionsView {
  @IsBoolean() smsAvailable!: boolean;
  @IsBoolean() mmsAvailable!: boolean;
  @IsBoolean() whatsappAvailable!: boolean;
  @IsBoolean() userCanBlockNumbers!: boolean;
  @IsNumber() ratePerSecond!: number;
}
export class PlatformView {
  @IsUUID() id!: string;
  @IsUUID() systemProviderId!: string;
  @IsPlatformKind() kind!: string;
  @IsString() name!: string;
  @IsString() baseUrl!: string;
  @ValidateNested() @Type(() => PlatformOptionsView) options!: PlatformOptionsView;
  /** Fields of the kind's form that have a value. Accounts and secrets masked: first two and last two characters. */
  @IsObject()
  @JSONSchema({ additionalProperties: { type: 'string' }, examples: [{ account: 'AC.....ef', secret: 'au.....89' }] })
  credentials!: Record<string, string>;
  @IsIn(['working', 'failing']) credentialsState!: 'working' | 'failing';
  @IsOptional() @IsISO8601() lastVerifiedAt?: string;
  /** Where the carrier must send messages: to be set as the application's URL. */
  @IsString() webhookUrl!: string;
  /** What was noticed while verifying; in the answer to that only. */
  @IsOptional() @IsArray() @IsString({ each: true }) warnings?: string[];
  @IsInt() version!: number;
  @IsISO8601() createdAt!: string;
}

export const NUMBER_STATES = [
  'provisioning',
  'pending',
  'active',
  'failed',
  'releasing',
  'released',
  'cleanup-required',
] as const;
export type NumberState = (typeof NUMBER_STATES)[number];
export const ENABLEMENT_STATES = ['not-applicable', 'pending', 'enabled', 'failed'] as const;
export type EnablementState = (typeof ENABLEMENT_STATES)[number];

export class EnablementView {
  @IsIn(ENABLEMENT_STATES) state!: EnablementState;
  @IsOptional() @IsString() jobId?: string;
  /** The carrier's words, verbatim. */
  @IsOptional() @IsString() reason?: string;
  @IsOptional() @IsISO8601() lastCheckedAt?: string;
  @IsOptional() @IsISO8601() nextCheckAt?: string;
}
export class NumberOwnerView {
  @IsIn(['user', 'media-stream']) kind!: 'user' | 'media-stream';
  @IsUUID() id!: string;
  @IsString() name!: string;
  @IsString() broadworksUserId!: string;
}
export class NumberView {
  @IsUUID() id!: string;
  @IsString() e164!: string;
  /** Ten digits, as people write it. */
  @IsString() number!: string;
  @IsString() friendlyName!: string;
  @IsUUID() platformId!: string;
  @IsString() platformName!: string;
  @IsString() messagingType!: 'SMS';
  @IsIn(NUMBER_STATES) state!: NumberState;
  @ValidateNested() @Type(() => EnablementView) enablement!: EnablementView;
  @ValidateNested() @Type(() => NumberOwnerView) owner!: NumberOwnerView;
  @IsUUID() systemProviderId!: string;
  @IsInt() version!: number;
  @IsISO8601() createdAt!: string;
  @IsOptional() @IsISO8601() activatedAt?: string;
  @IsOptional() @IsISO8601() endedAt?: string;
}

/** Long work. `result` or `error` is there once the state says so. */
export class OperationView {
  @IsUUID() id!: string;
  @IsIn(['running', 'succeeded', 'failed', 'stuck']) state!: 'running' | 'succeeded' | 'failed' | 'stuck';
  @IsString() kind!: string;
  @IsOptional() @IsString() step?: string;
  @IsUUID() subjectId!: string;
  @IsOptional() @IsObject() error?: SerializedError;
  @IsISO8601() startedAt!: string;
  @IsOptional() @IsISO8601() finishedAt?: string;
}
/** What an assignment or release answered within the wait: the number when done, else only the operation. */
export interface NumberOutcome {
  operation: OperationView;
  number?: NumberView;
}

export class TimelineEntryView {
  @IsUUID() id!: string;
  @IsISO8601() at!: string;
  /** Step, poll or transition: `provision.bindOnPlatform`, `enablement.checked`, `state.active` … */
  @IsString() event!: string;
  @IsString() summary!: string;
  /** The carrier exchange, redacted. */
  @IsOptional() @IsObject() exchange?: Record<string, unknown>;
}

/** For routing: how to reach the carrier. Credentials stay sealed (context `platform:<platformId>`). */
export interface PlatformAccessView {
  platformId: string;
  systemProviderId: string;
  kind: string;
  baseUrl: string;
  /** What the installation says about calls to the carrier. */
  settings: { applicationName?: string };
  /** As the carrier's deliveries name it, where they do. */
  account: string;
  /** All of them in one envelope. */
  sealedCredentials: string;
  /** Sealed webhook URL: carries the endpoint token. */
  sealedWebhookUrl: string;
  ratePerSecond: number;
  version: number;
}
/** Numbers not released yet. */
export interface NumbersUnder {
  count: number;
  /** Those among them that could not be taken off their carrier; it is tried again and again. */
  stuck: number;
  /** A few of them, the stuck ones first. */
  first: { id: string; e164: string; state: NumberState }[];
}
