import { Type } from 'class-transformer';
import {
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  ValidateNested,
} from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import type { TenantScope } from '@strowger/kernel';
import { NotificationSwitches, PORTAL_ROLES, type PortalRole } from './requests.js';

export class ResellerView {
  @IsUUID() id!: string;
  @IsUUID() systemProviderId!: string;
  @IsString() key!: string;
  @IsString() name!: string;
  @IsIn(['enterprise', 'service-provider']) kind!: 'enterprise' | 'service-provider';
  @IsInt() version!: number;
  @IsISO8601() createdAt!: string;
}
export class GroupView {
  @IsUUID() id!: string;
  @IsUUID() systemProviderId!: string;
  @IsUUID() resellerId!: string;
  @IsString() key!: string;
  @IsString() name!: string;
  @IsInt() version!: number;
  @IsISO8601() createdAt!: string;
}
export class UserView {
  @IsUUID() id!: string;
  @IsUUID() systemProviderId!: string;
  @IsUUID() resellerId!: string;
  @IsUUID() groupId!: string;
  @IsString() broadworksUserId!: string;
  @IsString() name!: string;
  @IsOptional() @IsString() timezone?: string;
  @IsOptional() @IsString() language?: string;
  @IsOptional() @IsString() externalReference?: string;
  /** Holds a license that lets messages through. */
  @IsBoolean() messagingEntitled!: boolean;
  @IsInt() version!: number;
  @IsISO8601() createdAt!: string;
}
export class PortalUserView {
  @IsUUID() id!: string;
  @IsIn(['platform', 'system-provider', 'reseller', 'group']) level!:
    'platform' | 'system-provider' | 'reseller' | 'group';
  @IsString() nodeId!: string;
  @IsString() email!: string;
  @IsString() name!: string;
  @IsOptional() @IsString() userName?: string;
  @IsOptional() @IsString() timezone?: string;
  @IsIn(PORTAL_ROLES) role!: PortalRole;
  /** May read users' texts with the role support. */
  @IsBoolean() readsTexts!: boolean;
  @ValidateNested() @Type(() => NotificationSwitches) notifications!: NotificationSwitches;
  /** Cannot sign in and is notified of nothing, until an administrator unlocks it. */
  @IsBoolean() locked!: boolean;
  @IsOptional() @IsISO8601() lockedAt?: string;
  @IsOptional() @IsISO8601() lastSuccessfulLoginAt?: string;
  @IsOptional() @IsISO8601() lastUnsuccessfulLoginAt?: string;
  @IsInt() version!: number;
  @IsISO8601() createdAt!: string;
}
/** A signed-in portal user, as the gateway puts it in the access token. */
export class PrincipalView {
  @IsUUID() portalUserId!: string;
  @IsString() email!: string;
  @IsString() name!: string;
  @IsIn(PORTAL_ROLES) role!: PortalRole;
  @IsOptional() @IsBoolean() readsTexts?: boolean;
  @IsObject() scope!: TenantScope;
}
/** For the gateway only: the refresh token leaves in a cookie, never in a body. */
export interface SessionGrant {
  principal: PrincipalView;
  /** The same for as long as the session is continued. */
  sessionId: string;
  refreshToken: string;
  refreshExpiresAt: string;
}

export class ProductView {
  @IsString() application!: string;
  @IsString() licenseType!: string;
  /** Lets its holder receive and send messages. */
  @IsBoolean() messaging!: boolean;
  /** Of several licenses of one application a client is served the one of the highest rank. */
  @IsInt() rank!: number;
  /** What a client holding it may offer. */
  @IsArray() @IsString({ each: true }) @JSONSchema({ examples: [['messaging']] }) features!: string[];
}
export class HistoryEntryView {
  @IsUUID() id!: string;
  @IsISO8601() at!: string;
  @IsString() actorKind!: string;
  @IsString() actorName!: string;
  @IsOptional() @IsString() ip?: string;
  /** Past-tense verb: `created`, `updated`, `deleted`, `license-assigned`, `client-token-minted` … */
  @IsString() action!: string;
  @IsString() objectKind!: string;
  @IsString() objectId!: string;
  @IsString() objectName!: string;
  @IsObject() changes!: Record<string, unknown>;
}
