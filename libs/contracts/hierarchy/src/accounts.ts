import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsEmail,
  IsIn,
  IsInt,
  IsISO8601,
  IsObject,
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
import type { TenantScope } from '@strowger/kernel';
import { LOCK_REASONS, type LockReason } from './events.js';
import { ListQuery } from './requests.js';
import { AS_GIVEN, asGiven, Clearable, PLAIN, plain } from './rules.js';
import type { PortalUserView } from './views.js';

/** What a password must be before the rules of content are looked at (common ones, those holding the e-mail). */
export const PASSWORD_LENGTH = { min: 12, max: 256 } as const;
/** Entries of one interface user's address list. */
export const MOST_ADDRESSES = 100;

// Interface users

/** An address, or a network with its prefix length. */
const ADDRESS = { pattern: '^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$', examples: ['198.51.100.7'] };

export class InterfaceUserAddress {
  /** An IPv4 or IPv6 address, or a network in CIDR notation: at least /24 for IPv4, /56 for IPv6. */
  @IsString() @Length(2, 64) @JSONSchema(ADDRESS) address!: string;
  @IsOptional() @IsString() @MaxLength(255) @Matches(PLAIN, plain) description?: string;
}

export class CreateInterfaceUser {
  @IsUUID() systemProviderId!: string;
  /** `loginUserName` of every call; unique in the installation, compared without case. */
  @IsString()
  @Length(1, 255)
  @Matches(AS_GIVEN, asGiven)
  @JSONSchema({ examples: ['acme-backoffice'] })
  userName!: string;
  @IsEmail() email!: string;
  @IsOptional() @IsTimeZone() timezone?: string;
  @IsOptional() @IsString() @MaxLength(1000) @Matches(PLAIN, plain) description?: string;
  /** Left out, one is made and shown once, in the answer. */
  @IsOptional() @IsString() @Length(PASSWORD_LENGTH.min, PASSWORD_LENGTH.max) password?: string;
  /** Where calls may come from; an empty list allows nobody. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(MOST_ADDRESSES)
  @ValidateNested({ each: true })
  @Type(() => InterfaceUserAddress)
  addresses?: InterfaceUserAddress[];
}
export class UpdateInterfaceUser {
  @IsUUID() id!: string;
  @IsOptional() @IsInt() version?: number;
  @IsOptional() @IsEmail() email?: string;
  @IsOptional() @IsTimeZone() @Clearable() timezone?: string;
  @IsOptional() @IsString() @MaxLength(1000) @Matches(PLAIN, plain) @Clearable() description?: string;
  /** A disabled one is refused like a locked one, and unlocking does not help. */
  @IsOptional() @IsBoolean() disabled?: boolean;
  /** The whole list: those left out are taken away. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(MOST_ADDRESSES)
  @ValidateNested({ each: true })
  @Type(() => InterfaceUserAddress)
  addresses?: InterfaceUserAddress[];
}
export class SetInterfaceUserPassword {
  @IsUUID() id!: string;
  /** Left out, one is made and shown once, in the answer. */
  @IsOptional() @IsString() @Length(PASSWORD_LENGTH.min, PASSWORD_LENGTH.max) password?: string;
}
export class AddInterfaceUserAddress extends InterfaceUserAddress {
  @IsUUID() id!: string;
}
export class RemoveInterfaceUserAddress {
  @IsUUID() id!: string;
  @IsString() @Length(2, 64) @JSONSchema({ examples: ['198.51.100.7'] }) address!: string;
}

/** A login of the SOAP API: it belongs to a system provider, has full control there, and cannot sign in to the portal. */
export class InterfaceUserView {
  @IsUUID() id!: string;
  @IsUUID() systemProviderId!: string;
  @IsString() userName!: string;
  @IsString() email!: string;
  @IsOptional() @IsString() timezone?: string;
  @IsOptional() @IsString() description?: string;
  @IsArray() @ValidateNested({ each: true }) @Type(() => InterfaceUserAddress) addresses!: InterfaceUserAddress[];
  @IsBoolean() disabled!: boolean;
  @IsBoolean() locked!: boolean;
  @IsOptional() @IsISO8601() lockedAt?: string;
  /** `bad-password`: the first wrong one locks. `acl-denied`: a call from elsewhere, where that is set to lock. */
  @IsOptional() @IsIn(LOCK_REASONS) lockReason?: LockReason;
  /** Written at most once a minute. */
  @IsOptional() @IsISO8601() lastSuccessfulLoginAt?: string;
  @IsOptional() @IsISO8601() lastUnsuccessfulLoginAt?: string;
  /** Why the last unsuccessful login was one. */
  @IsOptional() @IsString() lastUnsuccessfulLoginRemark?: string;
  @IsInt() version!: number;
  @IsISO8601() createdAt!: string;
}
/** An interface user with a password that was made for it; it is not shown again. */
export class InterfaceUserWithPassword extends InterfaceUserView {
  @IsOptional() @IsString() @JSONSchema({ examples: ['q7Zr2-…'] }) password?: string;
}

// Login history

export const LOGIN_OUTCOMES = [
  'SUCCESS',
  'BAD_PASSWORD',
  'UNKNOWN_USER',
  'LOCKED',
  'DISABLED',
  'ACL_DENIED',
  'NOT_INTERFACE_USER',
] as const;
export type LoginOutcome = (typeof LOGIN_OUTCOMES)[number];
/** How a login came in. */
export const LOGIN_BINDINGS = ['SOAP11', 'SOAP12', 'FORM', 'PORTAL'] as const;
export type LoginBinding = (typeof LOGIN_BINDINGS)[number];

export class ListLoginHistory extends ListQuery {
  /** Of one interface user or portal user. Only operators may leave it out: all there is, unknown names too. */
  @IsOptional() @IsUUID() accountId?: string;
  @IsOptional() @IsIn(LOGIN_OUTCOMES) outcome?: LoginOutcome;
}
/** Logins of one kind: successes of interface users are counted per address and hour, failures are one row each. */
export class LoginHistoryView {
  @IsUUID() id!: string;
  @IsISO8601() at!: string;
  /** When the last of `count` was. */
  @IsISO8601() lastAt!: string;
  @IsInt() count!: number;
  @IsOptional() @IsUUID() accountId?: string;
  @IsString() presentedUserName!: string;
  /** Where it came from, behind our proxies; absent when that could not be found out. */
  @IsOptional() @IsString() address?: string;
  /** `X-Forwarded-For` as it was sent. */
  @IsOptional() @IsString() forwardedFor?: string;
  @IsIn(LOGIN_OUTCOMES) outcome!: LoginOutcome;
  @IsOptional() @IsIn(LOGIN_BINDINGS) binding?: LoginBinding;
  @IsOptional() @IsString() operation?: string;
  @IsOptional() @IsString() userAgent?: string;
  @IsOptional() @IsString() requestId?: string;
}

// Portal users: passwords and sessions

export class ChangeOwnPassword {
  @IsString() @Length(1, 256) currentPassword!: string;
  @IsString() @Length(PASSWORD_LENGTH.min, PASSWORD_LENGTH.max) newPassword!: string;
  /** The session that goes on; every other one ends. Filled by the gateway. */
  @IsOptional() @IsUUID() sessionId?: string;
}
export class RequestPasswordReset {
  @IsEmail() @JSONSchema({ examples: ['admin@demo.example'] }) email!: string;
}
export class ConfirmPasswordReset {
  /** From the mailed link. Good for one hour and for one use. */
  @IsString() @Length(1, 200) token!: string;
  @IsString() @Length(PASSWORD_LENGTH.min, PASSWORD_LENGTH.max) newPassword!: string;
}

/** Service to service: somebody of the role support has been shown texts of a user, or one message. */
export class RecordTextsRead {
  @IsOptional() @IsUUID() userId?: string;
  @IsOptional() @IsUUID() messageId?: string;
}

export class OfPortalUser {
  @IsUUID() portalUserId!: string;
  /** Filled by the gateway: the session that asks. */
  @IsOptional() @IsUUID() currentSessionId?: string;
}
export class RevokeSession {
  @IsUUID() portalUserId!: string;
  @IsUUID() sessionId!: string;
}
/** One sign-in to the portal, for as long as it is continued. */
export class SessionView {
  @IsUUID() id!: string;
  @IsISO8601() startedAt!: string;
  @IsISO8601() lastUsedAt!: string;
  @IsISO8601() expiresAt!: string;
  @IsOptional() @IsString() ip?: string;
  @IsOptional() @IsString() userAgent?: string;
  /** The session this was asked with. */
  @IsBoolean() current!: boolean;
}

// API keys

/** Parts of the REST API a key's permissions name. */
export const API_KEY_AREAS = [
  'hierarchy',
  'licensing',
  'license-requests',
  'accounts',
  'numbers',
  'messages',
  'contact-centre',
  'history',
] as const;
export type ApiKeyArea = (typeof API_KEY_AREAS)[number];
/** `read` and `write` are everywhere; `<area>:read` and `<area>:write` are there only. Writing includes reading. */
export const API_KEY_PERMISSIONS: readonly string[] = [
  'read',
  'write',
  ...API_KEY_AREAS.flatMap((area) => [`${area}:read`, `${area}:write`]),
];

export class CreateApiKey {
  /** The node the key sees, with what is below it. */
  @IsIn(['platform', 'system-provider', 'reseller', 'group']) level!: PortalUserView['level'];
  /** Left out at platform level. */
  @IsOptional() @IsUUID() nodeId?: string;
  @IsString() @Length(1, 255) @Matches(AS_GIVEN, asGiven) @JSONSchema({ examples: ['CRM sync'] }) name!: string;
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(20)
  @ArrayUnique()
  @IsIn(API_KEY_PERMISSIONS, { each: true })
  @JSONSchema({ examples: [['read', 'hierarchy:write']] })
  permissions!: string[];
  /** Left out, the key does not expire. */
  @IsOptional() @IsISO8601({ strict: true }) expiresAt?: string;
}
export class UpdateApiKey {
  @IsUUID() id!: string;
  @IsOptional() @IsInt() version?: number;
  @IsOptional() @IsString() @Length(1, 255) @Matches(AS_GIVEN, asGiven) name?: string;
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(20)
  @ArrayUnique()
  @IsIn(API_KEY_PERMISSIONS, { each: true })
  @JSONSchema({ examples: [['read']] })
  permissions?: string[];
  @IsOptional() @IsISO8601({ strict: true }) @Clearable() expiresAt?: string;
}
export class RotateApiKey {
  @IsUUID() id!: string;
  /** For how long the old secret works beside the new one; 0 ends it at once. */
  @IsOptional() @IsInt() @Min(0) @Max(720) @JSONSchema({ default: 24 }) overlapHours?: number;
}
export class ApiKeyView {
  @IsUUID() id!: string;
  @IsIn(['platform', 'system-provider', 'reseller', 'group']) level!: PortalUserView['level'];
  @IsString() nodeId!: string;
  @IsString() name!: string;
  /** How the key begins, to recognize it by. */
  @IsString() @JSONSchema({ examples: ['stk_3fk20d9xq1'] }) prefix!: string;
  @IsArray() @IsString({ each: true }) permissions!: string[];
  @IsIn(['active', 'expired']) state!: 'active' | 'expired';
  @IsOptional() @IsISO8601() expiresAt?: string;
  /** Until when the secret before the last rotation works. */
  @IsOptional() @IsISO8601() previousSecretEndsAt?: string;
  /** Written at most once a minute. */
  @IsOptional() @IsISO8601() lastUsedAt?: string;
  @IsOptional() @IsString() lastUsedIp?: string;
  @IsString() createdBy!: string;
  @IsInt() version!: number;
  @IsISO8601() createdAt!: string;
}
/** A key with its secret, which is not shown again: a repeat under the same Idempotency-Key has none. */
export class ApiKeyWithSecret extends ApiKeyView {
  @IsOptional() @IsString() @JSONSchema({ examples: ['stk_3fk20d9xq1_…'] }) key!: string;
}

/** Service to service: the gateway asks by the key's prefix and the sha256 of its secret, which itself stays there. */
export class AuthenticateApiKey {
  @IsString() @Length(1, 64) prefix!: string;
  @IsString() @Length(64, 64) secretHash!: string;
}
export class ApiKeyGrant {
  @IsUUID() id!: string;
  @IsString() name!: string;
  @IsObject() scope!: TenantScope;
  @IsArray() @IsString({ each: true }) permissions!: string[];
  /** When this secret ends: the key's expiry or the end of its overlap. */
  @IsOptional() @IsISO8601() endsAt?: string;
}

// Live pushes (NATS core): hints, so that what was verified is forgotten at once everywhere

/** NATS KV bucket of portal users' sessions that have ended; the key is the session's id. */
export const ENDED_SESSIONS_BUCKET = 'ended-sessions';
/** No access token lives longer. */
export const ENDED_SESSIONS_SECONDS = 3600;

/** Subject of `CredentialsDropped`; no stream captures it. */
export const CREDENTIALS_DROPPED = 'push.credentials';
/** What must no longer be taken from a memory of verified credentials. */
export class CredentialsDropped {
  @IsOptional() @IsUUID(undefined, { each: true }) interfaceUserIds?: string[];
  @IsOptional() @IsUUID(undefined, { each: true }) apiKeyIds?: string[];
}
