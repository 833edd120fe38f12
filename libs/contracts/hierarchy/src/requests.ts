import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsDefined,
  IsEmail,
  IsIn,
  IsInt,
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

/** Neither leading nor trailing white space nor control characters: identifiers are stored as given, never trimmed. */
const AS_GIVEN = /^(?!\s)[^\p{Cc}]*(?<!\s)$/u;
const PLAIN = /^[^\p{Cc}]*$/u;
const plain = { message: '$property must not hold control characters' };
const asGiven = { message: '$property must not begin or end with a space or hold control characters' };

/** Null empties the field. An optional field without this is left as it is by null. */
const Clearable = (): ReturnType<typeof JSONSchema> => JSONSchema({ type: ['string', 'null'] });

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
}
export class RefreshSession {
  @IsString() @Length(1, 200) refreshToken!: string;
}

// Hierarchy

export class CreateSystemProvider {
  @IsString() @Length(1, 255) @Matches(AS_GIVEN, asGiven) name!: string;
  @IsOptional() @IsTimeZone() @JSONSchema({ examples: ['America/Chicago'] }) timezone?: string;
  @IsOptional() @IsString() @Length(2, 16) @Matches(PLAIN, plain) language?: string;
  @IsOptional() @IsString() @MaxLength(255) @Matches(PLAIN, plain) accountsReference?: string;
  @IsOptional() @IsInt() @Min(0) @Max(90) @JSONSchema({ default: 14 }) trialDurationDays?: number;
  /** Compared without case; each belongs to one system provider only. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @ArrayUnique((host: unknown) => String(host).toLowerCase())
  @IsString({ each: true })
  @Length(1, 253, { each: true })
  @Matches(AS_GIVEN, { ...asGiven, each: true })
  serverHostNames?: string[];
}
export class UpdateSystemProvider {
  @IsUUID() id!: string;
  @IsOptional() @IsInt() version?: number;
  @IsOptional() @IsString() @Length(1, 255) @Matches(AS_GIVEN, asGiven) name?: string;
  @IsOptional() @IsTimeZone() timezone?: string;
  @IsOptional() @IsString() @Length(2, 16) @Matches(PLAIN, plain) language?: string;
  @IsOptional() @IsString() @MaxLength(255) @Matches(PLAIN, plain) @Clearable() accountsReference?: string;
  @IsOptional() @IsInt() @Min(0) @Max(90) trialDurationDays?: number;
  /** The whole list: those left out are given up. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @ArrayUnique((host: unknown) => String(host).toLowerCase())
  @IsString({ each: true })
  @Length(1, 253, { each: true })
  @Matches(AS_GIVEN, { ...asGiven, each: true })
  serverHostNames?: string[];
}

export class CreateReseller {
  @IsUUID() systemProviderId!: string;
  /** The reseller id as in BroadWorks, exactly. */
  @IsString() @Length(1, 30) @Matches(AS_GIVEN, asGiven) @JSONSchema({ examples: ['acme'] }) key!: string;
  @IsString() @Length(1, 255) @Matches(AS_GIVEN, asGiven) name!: string;
  @IsIn(['enterprise', 'service-provider']) kind!: 'enterprise' | 'service-provider';
}
export class CreateGroup {
  @IsUUID() resellerId!: string;
  @IsString() @Length(1, 30) @Matches(AS_GIVEN, asGiven) @JSONSchema({ examples: ['acme-hq'] }) key!: string;
  @IsString() @Length(1, 255) @Matches(AS_GIVEN, asGiven) name!: string;
}
export class RenameNode {
  @IsUUID() id!: string;
  @IsOptional() @IsInt() version?: number;
  @IsString() @Length(1, 255) @Matches(AS_GIVEN, asGiven) name!: string;
}

export class CreateUser {
  @IsUUID() groupId!: string;
  /** Must match the user id in BroadWorks exactly. */
  @IsString()
  @Length(1, 161)
  @Matches(AS_GIVEN, asGiven)
  @JSONSchema({ examples: ['chris@acme.example'] })
  broadworksUserId!: string;
  @IsString() @Length(1, 255) @Matches(AS_GIVEN, asGiven) name!: string;
  @IsOptional() @IsTimeZone() timezone?: string;
  @IsOptional() @IsString() @Length(2, 16) @Matches(PLAIN, plain) language?: string;
  @IsOptional() @IsString() @MaxLength(255) @Matches(PLAIN, plain) externalReference?: string;
}
export class UpdateUser {
  @IsUUID() id!: string;
  @IsOptional() @IsInt() version?: number;
  @IsOptional() @IsString() @Length(1, 255) @Matches(AS_GIVEN, asGiven) name?: string;
  @IsOptional() @IsTimeZone() @Clearable() timezone?: string;
  @IsOptional() @IsString() @Length(2, 16) @Matches(PLAIN, plain) @Clearable() language?: string;
  @IsOptional() @IsString() @MaxLength(255) @Matches(PLAIN, plain) @Clearable() externalReference?: string;
}

// Portal users

export const PORTAL_ROLES = ['administrator', 'support', 'agent'] as const;
export type PortalRole = (typeof PORTAL_ROLES)[number];

/** The four switches of the portal's Notifications panel (seed 000). */
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
  @IsString() @Length(12, 256) password!: string;
  @IsIn(PORTAL_ROLES) role!: PortalRole;
  @IsDefined() @ValidateNested() @Type(() => NotificationSwitches) notifications!: NotificationSwitches;
}
export class UpdatePortalUser {
  @IsUUID() id!: string;
  @IsOptional() @IsInt() version?: number;
  @IsOptional() @IsString() @Length(1, 255) @Matches(AS_GIVEN, asGiven) name?: string;
  @IsOptional() @IsEmail() email?: string;
  @IsOptional() @IsString() @Length(12, 256) password?: string;
  @IsOptional() @IsIn(PORTAL_ROLES) role?: PortalRole;
  @IsOptional() @ValidateNested() @Type(() => NotificationSwitches) notifications?: NotificationSwitches;
}

// Licences

export class SetPurchase {
  @IsUUID() systemProviderId!: string;
  @IsString() application!: string;
  @IsString() licenseType!: string;
  @IsInt() @Min(0) @Max(10_000_000) quantity!: number;
}
export class AssignLicense {
  @IsUUID() userId!: string;
  @IsString() @JSONSchema({ examples: ['UnityDesktop'] }) application!: string;
  @IsString() @JSONSchema({ examples: ['Pro'] }) licenseType!: string;
}
export class RemoveLicense {
  @IsUUID() userId!: string;
  @IsUUID() licenseId!: string;
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
  @IsOptional() @IsUUID() objectId?: string;
}
