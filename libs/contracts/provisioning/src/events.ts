import { IsE164 } from '@strowger/kernel';
import { Type } from 'class-transformer';
import { IsBoolean, IsIn, IsNumber, IsOptional, IsString, IsUUID, ValidateNested } from 'class-validator';

/** Where messages of a number go, with the hierarchy above it, as it was when assigned. */
export class NumberOwner {
  @IsIn(['user', 'media-stream']) kind!: 'user' | 'media-stream';
  @IsUUID() id!: string;
  @IsString() name!: string;
  @IsUUID() systemProviderId!: string;
  @IsUUID() resellerId!: string;
  @IsUUID() groupId!: string;
}

/** A platform can carry messages. Again, with a higher sequence, when its options or credentials change. */
export class PlatformSavedV1 {
  static readonly type = 'provisioning.platform.saved.v1';
  @IsUUID() platformId!: string;
  @IsUUID() systemProviderId!: string;
  /** Open: readers pass over kinds that they don't know. */
  @IsString() kind!: string;
  @IsString() name!: string;
  @IsBoolean() smsAvailable!: boolean;
  @IsBoolean() mmsAvailable!: boolean;
  @IsBoolean() userCanBlockNumbers!: boolean;
  /** Messages a second the platform may be sent. */
  @IsNumber() ratePerSecond!: number;
}
export class PlatformDeletedV1 {
  static readonly type = 'provisioning.platform.deleted.v1';
  @IsUUID() platformId!: string;
  @IsUUID() systemProviderId!: string;
}
/** The stored credentials stopped working; one alert. */
export class PlatformCredentialsFailedV1 {
  static readonly type = 'provisioning.platform.credentials-failed.v1';
  @IsUUID() platformId!: string;
  @IsUUID() systemProviderId!: string;
  @IsString() platformName!: string;
  @IsString() reason!: string;
  @IsUUID() incidentId!: string;
}
export class PlatformCredentialsRecoveredV1 {
  static readonly type = 'provisioning.platform.credentials-recovered.v1';
  @IsUUID() platformId!: string;
  @IsUUID() systemProviderId!: string;
  @IsString() platformName!: string;
  @IsUUID() incidentId!: string;
}

/** A number can now send and receive messages for its owner. */
export class NumberActivatedV1 {
  static readonly type = 'provisioning.number.activated.v1';
  @IsUUID() numberId!: string;
  @IsE164() e164!: string;
  @IsUUID() platformId!: string;
  @IsString() friendlyName!: string;
  @ValidateNested() @Type(() => NumberOwner) owner!: NumberOwner;
}
/** Enablement ended without success. Published once per failure; everyone who asked for alerts is notified. */
export class NumberEnablementFailedV1 {
  static readonly type = 'provisioning.number.enablement-failed.v1';
  @IsUUID() numberId!: string;
  @IsE164() e164!: string;
  @IsUUID() platformId!: string;
  @ValidateNested() @Type(() => NumberOwner) owner!: NumberOwner;
  /** Verbatim from the carrier. */
  @IsString() reason!: string;
  @IsUUID() incidentId!: string;
}
/** Something we did at a carrier could not be undone; we go on trying. */
export class NumberCleanupRequiredV1 {
  static readonly type = 'provisioning.number.cleanup-required.v1';
  @IsUUID() numberId!: string;
  @IsE164() e164!: string;
  @IsUUID() platformId!: string;
  @IsUUID() systemProviderId!: string;
  @IsString() reason!: string;
  @IsUUID() incidentId!: string;
}
/** A number serves its owner no more. */
export class NumberReleasedV1 {
  static readonly type = 'provisioning.number.released.v1';
  @IsUUID() numberId!: string;
  @IsE164() e164!: string;
  @IsUUID() systemProviderId!: string;
  @IsOptional() @IsBoolean() deleteMessages?: boolean;
}

export const PROVISIONING_EVENTS = [
  PlatformSavedV1,
  PlatformDeletedV1,
  PlatformCredentialsFailedV1,
  PlatformCredentialsRecoveredV1,
  NumberActivatedV1,
  NumberEnablementFailedV1,
  NumberCleanupRequiredV1,
  NumberReleasedV1,
] as const;
