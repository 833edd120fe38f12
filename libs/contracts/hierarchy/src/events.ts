import { Type } from 'class-transformer';
import { IsArray, IsBoolean, IsEmail, IsOptional, IsString, IsUUID, ValidateNested } from 'class-validator';

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

/** Whether a user holds a licence that lets messages through; the sequence is the user's licence revision. */
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

export const HIERARCHY_EVENTS = [
  UserSavedV1,
  UserDeletedV1,
  MessagingEntitlementChangedV1,
  AlertRecipientsChangedV1,
] as const;
