import { Type } from 'class-transformer';
import {
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsEmail,
  IsIn,
  IsInt,
  IsISO8601,
  IsOptional,
  IsString,
  IsUUID,
  ValidateNested,
} from 'class-validator';

/** A user exists. Published again with a higher sequence when a field here changes. */
export class UserSavedV1 {
  static readonly type = 'hierarchy.user.saved.v1';
  @IsUUID() userId!: string;
  @IsUUID() systemProviderId!: string;
  @IsUUID() resellerId!: string;
  @IsUUID() groupId!: string;
  @IsString() broadworksUserId!: string;
  @IsString() name!: string;
  @IsOptional() @IsString() timezone?: string;
}

/** A user is gone. What other services hold for the user goes too. */
export class UserDeletedV1 {
  static readonly type = 'hierarchy.user.deleted.v1';
  @IsUUID() userId!: string;
  @IsUUID() systemProviderId!: string;
}

/** Whether a user holds a license that lets messages through; the sequence is the user's license revision. */
export class MessagingEntitlementChangedV1 {
  static readonly type = 'hierarchy.messaging-entitlement.changed.v1';
  @IsUUID() userId!: string;
  @IsUUID() systemProviderId!: string;
  @IsBoolean() entitled!: boolean;
}

export class AlertRecipient {
  @IsUUID() portalUserId!: string;
  @IsEmail() email!: string;
  @IsString() name!: string;
  @IsOptional() @IsString() timezone?: string;
}

/** Everyone at a system provider who receives alerts now: the whole list, so the newest sequence is the truth. */
export class AlertRecipientsChangedV1 {
  static readonly type = 'hierarchy.alert-recipients.changed.v1';
  @IsUUID() systemProviderId!: string;
  @IsString() systemProviderName!: string;
  @IsArray() @ValidateNested({ each: true }) @Type(() => AlertRecipient) recipients!: AlertRecipient[];
}

/** A system provider exists. The gateway learns from it who sees more than before. */
export class SystemProviderCreatedV1 {
  static readonly type = 'hierarchy.system-provider.created.v1';
  @IsUUID() systemProviderId!: string;
  /** The system providers above it, from the top, and itself. */
  @IsArray() @IsUUID(undefined, { each: true }) path!: string[];
}

export const LICENSE_ALERT_KINDS = ['purchase', 'sub-purchase', 'trial'] as const;
export const LICENSE_ALERT_NEWS = ['expires', 'suspended', 'unlicensed'] as const;

/** One purchase, sub-purchase or trial that somebody asked to be notified about. */
export class LicenseAlertItem {
  @IsIn(LICENSE_ALERT_KINDS) kind!: (typeof LICENSE_ALERT_KINDS)[number];
  /**
   * `expires`: on `expiresAt`, `daysLeft` calendar days away; `suspended`: the grace after a purchase's end is over;
   * `unlicensed`: the trial ended and no license followed.
   */
  @IsIn(LICENSE_ALERT_NEWS) news!: (typeof LICENSE_ALERT_NEWS)[number];
  @IsString() application!: string;
  @IsString() licenseType!: string;
  /** Absent for trials, which are one each, and for what is unlimited. */
  @IsOptional() @IsInt() quantity?: number;
  /** Name of the provider, reseller, group or user that has it. */
  @IsString() holder!: string;
  @IsISO8601() expiresAt!: string;
  /** Whole days in the recipient's calendar; negative once it is past. */
  @IsInt() daysLeft!: number;
  /** Why no license followed a trial. */
  @IsOptional() @IsString() reason?: string;
}

/** What one portal user is to be notified about expiring licenses, each item once per threshold. */
export class LicenseExpiryAlertedV1 {
  static readonly type = 'hierarchy.license-expiry.alerted.v1';
  @IsUUID() incidentId!: string;
  @IsUUID() systemProviderId!: string;
  @ValidateNested() @Type(() => AlertRecipient) recipient!: AlertRecipient;
  @IsArray() @ArrayMinSize(1) @ValidateNested({ each: true }) @Type(() => LicenseAlertItem) items!: LicenseAlertItem[];
}

/** Who did it, as the history log shows it. */
export class ActingPerson {
  @IsString() kind!: string;
  @IsString() id!: string;
  @IsString() name!: string;
  @IsOptional() @IsString() ip?: string;
}

/** A group is gone. Its users are reported one by one (`UserDeletedV1`); this is for what others hold for the group itself. */
export class GroupDeletedV1 {
  static readonly type = 'hierarchy.group.deleted.v1';
  @IsUUID() groupId!: string;
  @IsUUID() resellerId!: string;
  @IsUUID() systemProviderId!: string;
  /** Who deleted it; absent when nobody did. */
  @IsOptional() @ValidateNested() @Type(() => ActingPerson) actor?: ActingPerson;
}

/** A reseller is gone, and all its groups with it, which are not reported one by one. */
export class ResellerDeletedV1 {
  static readonly type = 'hierarchy.reseller.deleted.v1';
  @IsUUID() resellerId!: string;
  @IsUUID() systemProviderId!: string;
  @IsOptional() @ValidateNested() @Type(() => ActingPerson) actor?: ActingPerson;
}

/** A system provider is gone, with its resellers and groups. Child providers that went with it are reported one by one. */
export class SystemProviderDeletedV1 {
  static readonly type = 'hierarchy.system-provider.deleted.v1';
  @IsUUID() systemProviderId!: string;
  @IsOptional() @ValidateNested() @Type(() => ActingPerson) actor?: ActingPerson;
}

/** A portal user below the operator exists. Published again with a higher sequence when a field here changes. */
export class PortalUserSavedV1 {
  static readonly type = 'hierarchy.portal-user.saved.v1';
  @IsUUID() portalUserId!: string;
  @IsUUID() systemProviderId!: string;
  @IsIn(['system-provider', 'reseller', 'group']) level!: 'system-provider' | 'reseller' | 'group';
  @IsUUID() nodeId!: string;
  @IsString() name!: string;
  @IsEmail() email!: string;
}

/** A portal user is gone. Not published for one who went with their node. */
export class PortalUserDeletedV1 {
  static readonly type = 'hierarchy.portal-user.deleted.v1';
  @IsUUID() portalUserId!: string;
  @IsUUID() systemProviderId!: string;
  @IsOptional() @ValidateNested() @Type(() => ActingPerson) actor?: ActingPerson;
}

export const LOCK_REASONS = ['bad-password', 'acl-denied', 'administrator'] as const;
export type LockReason = (typeof LOCK_REASONS)[number];

/** A wrong password or an administrator locked an interface user: its back office is shut out until it is unlocked. */
export class InterfaceUserLockedV1 {
  static readonly type = 'hierarchy.interface-user.locked.v1';
  @IsUUID() incidentId!: string;
  @IsUUID() interfaceUserId!: string;
  @IsUUID() systemProviderId!: string;
  @IsString() systemProviderName!: string;
  @IsString() userName!: string;
  @IsIn(LOCK_REASONS) reason!: LockReason;
  @IsISO8601() at!: string;
  @IsOptional() @IsString() address?: string;
  @IsOptional() @IsString() operation?: string;
  /** Portal users of the provider with "Send Alerts" or "Send Technical Emails", as it happened. */
  @IsArray() @ValidateNested({ each: true }) @Type(() => AlertRecipient) recipients!: AlertRecipient[];
}

/** Someone used an interface user's name from an address that is not on its list. Once per address and hour. */
export class InterfaceUserAddressRefusedV1 {
  static readonly type = 'hierarchy.interface-user-address.refused.v1';
  @IsUUID() incidentId!: string;
  @IsUUID() interfaceUserId!: string;
  @IsUUID() systemProviderId!: string;
  @IsString() systemProviderName!: string;
  @IsString() userName!: string;
  @IsISO8601() at!: string;
  @IsOptional() @IsString() address?: string;
  @IsOptional() @IsString() operation?: string;
  @IsArray() @ValidateNested({ each: true }) @Type(() => AlertRecipient) recipients!: AlertRecipient[];
}

/** A portal user asked for a new password. The token is sealed (SecretBox, context `password-reset:<resetId>`). */
export class PasswordResetRequestedV1 {
  static readonly type = 'hierarchy.password-reset.requested.v1';
  @IsUUID() resetId!: string;
  @IsUUID() portalUserId!: string;
  @IsOptional() @IsUUID() systemProviderId?: string;
  @IsEmail() email!: string;
  @IsString() name!: string;
  @IsString() sealedToken!: string;
  @IsISO8601() expiresAt!: string;
  @IsOptional() @IsString() address?: string;
  /** Who made the account, where it is new and this is its first password; they did not ask themselves. */
  @IsOptional() @IsString() invitedBy?: string;
}

/** A back office made an account for the portal. Those responsible for the system provider are notified. */
export class PortalUserInvitedV1 {
  static readonly type = 'hierarchy.portal-user.invited.v1';
  @IsUUID() incidentId!: string;
  @IsUUID() portalUserId!: string;
  @IsUUID() systemProviderId!: string;
  @IsString() systemProviderName!: string;
  @IsString() name!: string;
  @IsEmail() email!: string;
  @IsIn(['system-provider', 'reseller', 'group']) level!: 'system-provider' | 'reseller' | 'group';
  @IsString() role!: string;
  /** User name of the interface user. */
  @IsString() invitedBy!: string;
  @IsISO8601() at!: string;
  @IsOptional() @IsString() address?: string;
  /** Of the provider; the operators where nobody there is notified. */
  @IsArray() @ValidateNested({ each: true }) @Type(() => AlertRecipient) recipients!: AlertRecipient[];
}

export const HIERARCHY_EVENTS = [
  SystemProviderCreatedV1,
  UserSavedV1,
  UserDeletedV1,
  MessagingEntitlementChangedV1,
  AlertRecipientsChangedV1,
  GroupDeletedV1,
  ResellerDeletedV1,
  SystemProviderDeletedV1,
  PortalUserSavedV1,
  PortalUserDeletedV1,
  LicenseExpiryAlertedV1,
  InterfaceUserLockedV1,
  InterfaceUserAddressRefusedV1,
  PasswordResetRequestedV1,
  PortalUserInvitedV1,
] as const;
