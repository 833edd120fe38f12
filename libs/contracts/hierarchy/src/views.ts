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
import type { TenantScope } from '@strowger/kernel';
import { NotificationSwitches, PORTAL_ROLES, type PortalRole } from './requests.js';

export class SystemProviderView {
  @IsUUID() id!: string;
  @IsString() name!: string;
  @IsString() timezone!: string;
  @IsString() language!: string;
  @IsOptional() @IsString() accountsReference?: string;
  @IsInt() trialDurationDays!: number;
  @IsArray() @IsString({ each: true }) serverHostNames!: string[];
  @IsInt() version!: number;
  @IsISO8601() createdAt!: string;
}
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
  /** Holds a licence that lets messages through. */
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
  @IsIn(PORTAL_ROLES) role!: PortalRole;
  @ValidateNested() @Type(() => NotificationSwitches) notifications!: NotificationSwitches;
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
  @IsObject() scope!: TenantScope;
}
/** For the gateway only: the refresh token leaves in a cookie, never in a body. */
export interface SessionGrant {
  principal: PrincipalView;
  refreshToken: string;
  refreshExpiresAt: string;
}

export class ProductView {
  @IsString() application!: string;
  @IsString() licenseType!: string;
  /** Lets its holder receive and send messages. */
  @IsBoolean() messaging!: boolean;
}
export class PurchaseView {
  @IsUUID() systemProviderId!: string;
  @IsString() application!: string;
  @IsString() licenseType!: string;
  @IsInt() quantity!: number;
  @IsInt() used!: number;
  @IsInt() free!: number;
}
export class LicenseView {
  @IsUUID() id!: string;
  @IsUUID() userId!: string;
  @IsString() application!: string;
  @IsString() licenseType!: string;
  @IsBoolean() messaging!: boolean;
  @IsISO8601() assignedAt!: string;
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
