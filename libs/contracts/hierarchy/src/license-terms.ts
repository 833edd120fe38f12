import type { Page } from '@strowger/kernel';
import { Type } from 'class-transformer';
import {
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsNumber,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { define } from './define.js';
import { ById, ListUnder } from './requests.js';
import { AS_GIVEN, asGiven, PLAIN, plain } from './rules.js';

// Requests

/** What a client knows of itself when it starts, passed on by the location service. */
export class RequestLicense {
  /** The server host name entered in the client; it identifies the system provider and is compared without case. */
  @IsString()
  @Length(1, 253)
  @Matches(AS_GIVEN, asGiven)
  @JSONSchema({ examples: ['xsp1.carrier.example'] })
  serverHostName!: string;
  /** The login id in BroadWorks with its domain. */
  @IsString()
  @Length(1, 161)
  @Matches(AS_GIVEN, asGiven)
  @JSONSchema({ examples: ['chris@acme.example'] })
  broadworksUserId!: string;
  @IsString() @Length(1, 30) @Matches(AS_GIVEN, asGiven) @JSONSchema({ examples: ['acme-hq'] }) groupId!: string;
  @IsString() @Length(1, 30) @Matches(AS_GIVEN, asGiven) @JSONSchema({ examples: ['acme'] }) resellerId!: string;
  /** First and last name in BroadWorks; the account takes it over. Left out or empty: the name stays. */
  @IsOptional()
  @IsString()
  @MaxLength(255)
  @Matches(PLAIN, plain)
  @JSONSchema({ examples: ['Chris Tutt'] })
  userName?: string;
  @IsString() @MaxLength(64) @JSONSchema({ examples: ['UnityDesktop'] }) application!: string;
}

export const TRIAL_STATES = ['running', 'superseded', 'expired'] as const;
export type TrialState = (typeof TRIAL_STATES)[number];

export class ListTrials extends ListUnder {
  @IsOptional() @IsIn(TRIAL_STATES) state?: TrialState;
}

export class GetLicenseForecast {
  @IsUUID() id!: string;
  /** From how many past days the rate is computed. */
  @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(365) @JSONSchema({ default: 30 }) days?: number;
}

// Views

export class GrantedLicense {
  @IsIn(['permanent', 'trial']) kind!: 'permanent' | 'trial';
  @IsString() application!: string;
  @IsString() licenseType!: string;
  /** What the client may offer, from the catalogue. */
  @IsArray() @IsString({ each: true }) @JSONSchema({ examples: [['messaging']] }) features!: string[];
  /** End of the trial, or of the purchased term behind the license; absent when it does not expire. */
  @IsOptional() @IsISO8601() expiresAt?: string;
  /** The purchased term is over: until then the license goes on working. */
  @IsOptional() @IsISO8601() graceUntil?: string;
}

export const LICENSE_REJECTIONS = [
  'account-not-found',
  'user-in-other-group',
  'license-suspended',
  'trial-over',
  'no-license',
] as const;
export type LicenseRejection = (typeof LICENSE_REJECTIONS)[number];

/** What hierarchy decided; the gateway adds the client token. */
export class LicenseDecision {
  /** `created`: the account was not known and the provider's setting let it be made. */
  @IsIn(['matched', 'created', 'rejected']) outcome!: 'matched' | 'created' | 'rejected';
  @IsOptional() @IsIn(LICENSE_REJECTIONS) reason?: LicenseRejection;
  /** A sentence for the person who must act on a rejection. */
  @IsOptional() @IsString() message?: string;
  /** The account, unless there is none. */
  @IsOptional() @IsUUID() userId?: string;
  @IsOptional() @IsUUID() systemProviderId?: string;
  @IsOptional() @IsString() userName?: string;
  @IsOptional() @ValidateNested() @Type(() => GrantedLicense) license?: GrantedLicense;
}

/** The answer to a client. Without a license there is no token. */
export class LicenseGrantView extends LicenseDecision {
  /** Opens `/v1/client` and the client socket for this user. */
  @IsOptional() @IsString() clientToken?: string;
  @IsOptional() @IsIn(['Bearer']) tokenType?: 'Bearer';
  /** Seconds the token lasts; ask for the license again before they are over. */
  @IsOptional() @IsInt() expiresIn?: number;
}

/** A permanent license or a running trial of a user, with its end. */
export class LicenseHoldingView {
  /** Of the license, or of the trial. */
  @IsUUID() id!: string;
  @IsIn(['permanent', 'trial']) kind!: 'permanent' | 'trial';
  @IsString() application!: string;
  @IsString() licenseType!: string;
  /** When a trial began. */
  @IsISO8601() assignedAt!: string;
  /** End of the trial, or of the purchased term behind the license; absent when it does not expire. */
  @IsOptional() @IsISO8601() expiresAt?: string;
  /** The purchased term is over: until then the license goes on working. */
  @IsOptional() @IsISO8601() graceUntil?: string;
  /** It serves no client until the purchase is renewed. */
  @IsOptional() @IsISO8601() suspendedAt?: string;
}

/** One trial, kept for ever: a user id has one for each application at a system provider. */
export class TrialView {
  @IsUUID() id!: string;
  @IsUUID() systemProviderId!: string;
  @IsString() broadworksUserId!: string;
  /** The active user with this id; absent when there is none now. */
  @IsOptional() @IsUUID() userId?: string;
  @IsOptional() @IsString() userName?: string;
  @IsString() application!: string;
  @IsString() licenseType!: string;
  /** `superseded`: a permanent license took its place before the end. */
  @IsIn(TRIAL_STATES) state!: TrialState;
  @IsISO8601() startedAt!: string;
  /** Fixed at the start. */
  @IsISO8601() expiresAt!: string;
  @IsOptional() @IsISO8601() endedAt?: string;
  /** Of an expired one: whether a permanent license followed. */
  @IsOptional() @IsBoolean() licensed?: boolean;
  /** Why none followed. */
  @IsOptional() @IsString() reason?: string;
}

export class TermEnd {
  @IsUUID() purchaseId!: string;
  /** Licenses that go; absent for an unlimited purchase. */
  @IsOptional() @IsInt() quantity?: number;
  @IsISO8601() endsAt!: string;
}

/** When a product runs out, if the last days go on as they were. */
export class ForecastView {
  @IsString() application!: string;
  @IsString() licenseType!: string;
  /** Owned now; absent when unlimited. */
  @IsOptional() @IsInt() owned?: number;
  /** Assigned to users, or reserved for resellers and groups. */
  @IsInt() committed!: number;
  @IsInt() assigned!: number;
  @IsOptional() @IsInt() free?: number;
  /** Licenses assigned less licenses removed, per day, over the days looked at; below 0 when they come back. */
  @IsNumber() assignedPerDay!: number;
  @IsInt() days!: number;
  /** First moment with nothing free; absent when that never comes at this rate. */
  @IsOptional() @IsISO8601() exhaustedAt?: string;
  /** What exhausts it: assignments at this rate, or a purchase that ends. Absent with `exhaustedAt`. */
  @IsOptional() @IsIn(['rate', 'expiry', 'now']) exhaustedBy?: 'rate' | 'expiry' | 'now';
  /** Purchased terms that are to end, the next first. */
  @IsArray() @ValidateNested({ each: true }) @Type(() => TermEnd) ends!: TermEnd[];
}

// Contracts

/** The location service's question: may this client run, as whom, with what. */
export const requestLicense = define<RequestLicense, LicenseDecision>('request-license', RequestLicense);
export const listTrials = define<ListTrials, Page<TrialView>>('list-trials', ListTrials);
/** In the order of the catalogue. */
export const listLicenseHoldings = define<ById, LicenseHoldingView[]>('list-license-holdings', ById);
export const getLicenseForecast = define<GetLicenseForecast, ForecastView[]>(
  'get-license-forecast',
  GetLicenseForecast,
);
