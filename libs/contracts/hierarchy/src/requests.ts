import { Type } from 'class-transformer';
import {
  IsBoolean,
  IsDefined,
  IsEmail,
  IsIn,
  IsInt,
  IsISO8601,
  IsOptional,
  IsString,
  IsTimeZone,
  IsUUID,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { AS_GIVEN, asGiven, Clearable, PLAIN, plain } from './rules.js';

export class ById {
  @IsUUID() id!: string;
}

export class Empty {}

/** Common to every list: `limit` rows a page (1–200), `cursor` of the page before, `search` with wildcards implied. */
export class ListQuery {
  @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) @JSONSchema({ default: 50 }) limit?: number;
  @IsOptional() @IsString() @MaxLength(500) cursor?: string;
  @IsOptional() @IsString() @MaxLength(161) @Matches(PLAIN, plain) search?: string;
}

/** A list under a parent; without one, everything in scope. */
export class ListUnder extends ListQuery {
  @IsOptional() @IsUUID() parentId?: string;
}

// Sessions

export class SignIn {
  @IsEmail() @JSONSchema({ examples: ['admin@demo.example'] }) email!: string;
  @IsString() @Length(1, 256) password!: string;
  /** Filled by the gateway. */
  @IsOptional() @IsString() @MaxLength(1000) userAgent?: string;
}
export class RefreshSession {
  @IsString() @Length(1, 200) refreshToken!: string;
  /** Filled by the gateway. */
  @IsOptional() @IsString() @MaxLength(1000) userAgent?: string;
}

// Hierarchy

export class CreateReseller {
  @IsUUID() systemProviderId!: string;
  /** The reseller id as in BroadWorks, exactly. */
  @IsString() @Length(1, 30) @Matches(AS_GIVEN, asGiven) @JSONSchema({ examples: ['acme'] }) key!: string;
  /** Absent: empty. */
  @IsOptional() @IsString() @MaxLength(255) @Matches(AS_GIVEN, asGiven) name?: string;
  @IsIn(['enterprise', 'service-provider']) kind!: 'enterprise' | 'service-provider';
}
export class CreateGroup {
  @IsUUID() resellerId!: string;
  @IsString() @Length(1, 30) @Matches(AS_GIVEN, asGiven) @JSONSchema({ examples: ['acme-hq'] }) key!: string;
  /** Absent: empty. */
  @IsOptional() @IsString() @MaxLength(255) @Matches(AS_GIVEN, asGiven) name?: string;
}

export class CreateUser {
  @IsUUID() groupId!: string;
  /** Must match the user id in BroadWorks exactly. */
  @IsString()
  @Length(1, 161)
  @Matches(AS_GIVEN, asGiven)
  @JSONSchema({ examples: ['chris@acme.example'] })
  broadworksUserId!: string;
  /** Absent: empty. */
  @IsOptional() @IsString() @MaxLength(255) @Matches(AS_GIVEN, asGiven) name?: string;
  @IsOptional() @IsTimeZone() timezone?: string;
  @IsOptional() @IsString() @Length(2, 16) @Matches(PLAIN, plain) language?: string;
  @IsOptional() @IsString() @MaxLength(255) @Matches(PLAIN, plain) externalReference?: string;
}
export class UpdateUser {
  @IsUUID() id!: string;
  @IsOptional() @IsInt() version?: number;
  @IsOptional() @IsString() @MaxLength(255) @Matches(AS_GIVEN, asGiven) name?: string;
  /** The new user id; must match BroadWorks exactly. */
  @IsOptional()
  @IsString()
  @Length(1, 161)
  @Matches(AS_GIVEN, asGiven)
  @JSONSchema({ examples: ['chris@acme.example'] })
  broadworksUserId?: string;
  /** Moves the user, with its licenses, to this group of the same system provider. */
  @IsOptional() @IsUUID() groupId?: string;
  @IsOptional() @IsTimeZone() @Clearable() timezone?: string;
  @IsOptional() @IsString() @Length(2, 16) @Matches(PLAIN, plain) @Clearable() language?: string;
  @IsOptional() @IsString() @MaxLength(255) @Matches(PLAIN, plain) @Clearable() externalReference?: string;
}

// Portal users

export const PORTAL_ROLES = ['administrator', 'support', 'agent'] as const;
export type PortalRole = (typeof PORTAL_ROLES)[number];

/** The four switches of the portal's Notifications panel (guide 000). */
export class NotificationSwitches {
  @IsBoolean() technicalEmails!: boolean;
  @IsBoolean() alerts!: boolean;
  @IsBoolean() invoicesAndReceipts!: boolean;
  @IsBoolean() licenseExpiryAlerts!: boolean;
}
export class CreatePortalUser {
  /** The node the portal user belongs to: a system provider, reseller or group. */
  @IsIn(['system-provider', 'reseller', 'group']) level!: 'system-provider' | 'reseller' | 'group';
  @IsUUID() nodeId!: string;
  @IsEmail() email!: string;
  @IsString() @Length(1, 255) @Matches(AS_GIVEN, asGiven) name!: string;
  /** How the SOAP API names the portal user; unique in its system provider, compared without case. */
  @IsOptional() @IsString() @Length(1, 255) @Matches(AS_GIVEN, asGiven) userName?: string;
  /** That of the system provider where it is left out. */
  @IsOptional() @IsTimeZone() timezone?: string;
  /** Not a common one, and not one that holds the e-mail address. */
  @IsString() @Length(12, 256) password!: string;
  @IsIn(PORTAL_ROLES) role!: PortalRole;
  /** With the role support: may read users' texts, which goes into the history. Administrators may anyway. */
  @IsOptional() @IsBoolean() readsTexts?: boolean;
  @IsDefined() @ValidateNested() @Type(() => NotificationSwitches) notifications!: NotificationSwitches;
}
export class UpdatePortalUser {
  @IsUUID() id!: string;
  @IsOptional() @IsInt() version?: number;
  @IsOptional() @IsString() @Length(1, 255) @Matches(AS_GIVEN, asGiven) name?: string;
  @IsOptional() @IsEmail() email?: string;
  @IsOptional() @IsString() @Length(1, 255) @Matches(AS_GIVEN, asGiven) @Clearable() userName?: string;
  @IsOptional() @IsTimeZone() @Clearable() timezone?: string;
  @IsOptional() @IsString() @Length(12, 256) password?: string;
  @IsOptional() @IsIn(PORTAL_ROLES) role?: PortalRole;
  @IsOptional() @IsBoolean() readsTexts?: boolean;
  @IsOptional() @ValidateNested() @Type(() => NotificationSwitches) notifications?: NotificationSwitches;
}

// Others' needs

/** Takes the alert guard's hold for a platform about to be saved. Safe to repeat. */
export class HoldAlertGuard {
  @IsUUID() systemProviderId!: string;
  @IsUUID() platformId!: string;
}
/** Gives the hold back: the platform is gone or was never saved. Safe to repeat. */
export class ReleaseAlertGuard {
  @IsUUID() platformId!: string;
}
export class ListHistory extends ListQuery {
  /** What happened to this reseller and to all below it, also after its deletion; likewise the three after it. */
  @IsOptional() @IsUUID() resellerId?: string;
  @IsOptional() @IsUUID() groupId?: string;
  @IsOptional() @IsUUID() userId?: string;
  @IsOptional() @IsUUID() systemProviderId?: string;
  /** What happened to this object itself. */
  @IsOptional() @IsUUID() objectId?: string;
  /** `system-provider`, `reseller`, `group`, `user`, `portal-user` … */
  @IsOptional() @IsString() @Matches(/^[a-z-]{1,40}$/) @JSONSchema({ examples: ['user'] }) objectKind?: string;
  /** `created`, `updated`, `deleted`, `license-assigned` … */
  @IsOptional() @IsString() @Matches(/^[a-z-]{1,60}$/) @JSONSchema({ examples: ['deleted'] }) action?: string;
  /** Who did it, by id. */
  @IsOptional() @IsString() @Length(1, 255) @Matches(PLAIN, plain) actorId?: string;
  @IsOptional() @IsString() @Matches(/^[a-z-]{1,40}$/) @JSONSchema({ examples: ['interface-user'] }) actorKind?: string;
  /** From this instant on. */
  @IsOptional() @IsISO8601({ strict: true }) @JSONSchema({ format: 'date-time' }) since?: string;
  /** Before this instant. */
  @IsOptional() @IsISO8601({ strict: true }) @JSONSchema({ format: 'date-time' }) until?: string;
}
