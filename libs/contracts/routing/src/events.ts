import { Type } from 'class-transformer';
import { IsIn, IsObject, IsOptional, IsString, IsUUID, ValidateNested } from 'class-validator';

/** Who did it, as the history log shows it. */
export class ActedBy {
  @IsString() kind!: string;
  @IsString() id!: string;
  @IsString() name!: string;
  @IsOptional() @IsString() ip?: string;
}

export const CONTACT_CENTRE_OBJECTS = ['queue', 'media-stream', 'agent-association'] as const;

/** A queue, media stream or agent association was created, updated or deleted: what the history log shows of it. */
export class ContactCentreChangedV1 {
  static readonly type = 'routing.contact-centre.changed.v1';
  @IsIn(CONTACT_CENTRE_OBJECTS) objectKind!: (typeof CONTACT_CENTRE_OBJECTS)[number];
  @IsUUID() objectId!: string;
  @IsString() objectName!: string;
  @IsIn(['created', 'updated', 'deleted']) action!: 'created' | 'updated' | 'deleted';
  @IsUUID() systemProviderId!: string;
  @IsUUID() resellerId!: string;
  /** Absent for what belongs to the reseller itself. */
  @IsOptional() @IsUUID() groupId?: string;
  @IsObject() changes!: Record<string, unknown>;
  @ValidateNested() @Type(() => ActedBy) actor!: ActedBy;
}

export const ROUTING_EVENTS = [ContactCentreChangedV1] as const;
