import { Type } from 'class-transformer';
import {
  IsArray,
  IsDefined,
  IsIn,
  IsInt,
  IsISO8601,
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
import { AS_GIVEN, asGiven, PLAIN, plain } from './rules.js';

// Lengths: `reference/provisioning-soap-api.md` §1.2. What is stored equals what was given: never trimmed, never folded.

export class PathReseller {
  /** The reseller id as in BroadWorks, exactly. */
  @IsString() @Length(1, 30) @Matches(AS_GIVEN, asGiven) @JSONSchema({ examples: ['acme'] }) key!: string;
  /** For a new reseller only; an existing one keeps its name. */
  @IsOptional()
  @IsString()
  @MaxLength(255)
  @Matches(AS_GIVEN, asGiven)
  @JSONSchema({ examples: ['Acme Telecom'] })
  name?: string;
}
export class PathGroup {
  /** The group id as in BroadWorks, exactly. */
  @IsString() @Length(1, 30) @Matches(AS_GIVEN, asGiven) @JSONSchema({ examples: ['acme-hq'] }) key!: string;
  /** For a new group only; an existing one keeps its name. */
  @IsOptional()
  @IsString()
  @MaxLength(255)
  @Matches(AS_GIVEN, asGiven)
  @JSONSchema({ examples: ['Headquarters'] })
  name?: string;
}
export class PathUser {
  /** Must match the user id in BroadWorks exactly; capital and small letters count as the same when it is looked up. */
  @IsString()
  @Length(1, 161)
  @Matches(AS_GIVEN, asGiven)
  @JSONSchema({ examples: ['chris@acme.example'] })
  broadworksUserId!: string;
  /** For a new user only; an existing one keeps its name. */
  @IsOptional() @IsString() @MaxLength(255) @Matches(AS_GIVEN, asGiven) name?: string;
}
/** A user and the reseller and group above it, all of which are to exist. Safe to repeat. */
export class EnsurePath {
  @IsUUID() systemProviderId!: string;
  @IsDefined() @ValidateNested() @Type(() => PathReseller) reseller!: PathReseller;
  @IsDefined() @ValidateNested() @Type(() => PathGroup) group!: PathGroup;
  @IsDefined() @ValidateNested() @Type(() => PathUser) user!: PathUser;
}

export class UpdateReseller {
  @IsUUID() id!: string;
  @IsOptional() @IsInt() version?: number;
  /** The new reseller id, as in BroadWorks. Groups and users stay under it. */
  @IsOptional() @IsString() @Length(1, 30) @Matches(AS_GIVEN, asGiven) @JSONSchema({ examples: ['acme'] }) key?: string;
  @IsOptional() @IsString() @MaxLength(255) @Matches(AS_GIVEN, asGiven) name?: string;
}
export class UpdateGroup {
  @IsUUID() id!: string;
  @IsOptional() @IsInt() version?: number;
  /** The new group id, as in BroadWorks. Users stay under it. */
  @IsOptional()
  @IsString()
  @Length(1, 30)
  @Matches(AS_GIVEN, asGiven)
  @JSONSchema({ examples: ['acme-hq'] })
  key?: string;
  @IsOptional() @IsString() @MaxLength(255) @Matches(AS_GIVEN, asGiven) name?: string;
}

export const SEARCH_KINDS = ['system-provider', 'reseller', 'group', 'user', 'portal-user', 'number'] as const;
export type SearchKind = (typeof SEARCH_KINDS)[number];

/** Not a ListQuery: there `search` may be left out. */
export class SearchTree {
  /**
   * Part of a name, of an id (BroadWorks user id, reseller or group id), of an e-mail address, or of a number. One or
   * two characters are looked for at the beginning only.
   */
  @IsString() @Length(1, 161) @Matches(PLAIN, plain) @JSONSchema({ examples: ['chris'] }) search!: string;
  /** Only things of this kind. */
  @IsOptional() @IsIn(SEARCH_KINDS) kind?: SearchKind;
  @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) @JSONSchema({ default: 50 }) limit?: number;
  @IsOptional() @IsString() @MaxLength(2000) cursor?: string;
}

// Views

export const ENSURED = ['created', 'kept'] as const;
export type Ensured = (typeof ENSURED)[number];

export class EnsuredNode {
  @IsUUID() id!: string;
  @IsString() key!: string;
  @IsString() name!: string;
  /** `kept`: it was there before and is as it was. */
  @IsIn(ENSURED) result!: Ensured;
}
export class EnsuredUser {
  @IsUUID() id!: string;
  @IsString() broadworksUserId!: string;
  @IsString() name!: string;
  @IsIn(ENSURED) result!: Ensured;
}
export class PathView {
  @IsUUID() systemProviderId!: string;
  @ValidateNested() @Type(() => EnsuredNode) reseller!: EnsuredNode;
  @ValidateNested() @Type(() => EnsuredNode) group!: EnsuredNode;
  @ValidateNested() @Type(() => EnsuredUser) user!: EnsuredUser;
}

export const DELETION_LEVELS = ['system-provider', 'reseller', 'group', 'user'] as const;
export type DeletionLevel = (typeof DELETION_LEVELS)[number];

/** What goes when a node is deleted, with all below it. */
export class DeletionPreview {
  @IsIn(DELETION_LEVELS) level!: DeletionLevel;
  @IsUUID() id!: string;
  @IsString() name!: string;
  @IsInt() groups!: number;
  @IsInt() users!: number;
  /** Licenses that become free. */
  @IsInt() licenses!: number;
  @IsInt() portalUsers!: number;
  /** Numbers that are released, filled in by provisioning. */
  @IsOptional() @IsInt() numbers?: number;
  /** Contact-centre queues, with their media streams, filled in by routing. */
  @IsOptional() @IsInt() queues?: number;
}

/** A deleted node: the operation that releases what other services held for it carries the node's id. */
export class DeletionView {
  @IsUUID() id!: string;
  @IsIn(DELETION_LEVELS) level!: DeletionLevel;
  @IsUUID() systemProviderId!: string;
  @IsISO8601() deletedAt!: string;
}

export class PathStep {
  @IsIn(['system-provider', 'reseller', 'group', 'user']) level!: 'system-provider' | 'reseller' | 'group' | 'user';
  @IsUUID() id!: string;
  @IsString() name!: string;
}
export class SearchHit {
  @IsIn(SEARCH_KINDS) kind!: SearchKind;
  @IsUUID() id!: string;
  @IsString() name!: string;
  /** Reseller or group id, BroadWorks user id, e-mail address, or number, as the kind has it. */
  @IsOptional() @IsString() key?: string;
  /** The nodes above it, from the system provider down. */
  @IsArray() @ValidateNested({ each: true }) @Type(() => PathStep) path!: PathStep[];
}
