import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
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
import type { Page } from '@strowger/kernel';
import { define } from './define.js';
import { ById, ListQuery } from './requests.js';
import { AS_GIVEN, asGiven, Clearable, PLAIN, plain } from './rules.js';

// System providers

const HOST_NAME = /^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u;
const hostName = { message: '$property must be a host name: letters, digits, dots and hyphens, no spaces' };

/** Host names of one system provider; more than any has, few enough to answer with every read. */
export const MOST_HOST_NAMES = 100;

export class CreateSystemProvider {
  /** The system provider above it; without one it stands at the top, which only the operator may add. */
  @IsOptional() @IsUUID() parentId?: string;
  /** The id others know it by (`newSystemProviderId` in SOAP), unique among the children of its parent. */
  @IsOptional()
  @IsString()
  @Length(1, 255)
  @Matches(AS_GIVEN, asGiven)
  @JSONSchema({ examples: ['northwind'] })
  key?: string;
  @IsString() @Length(1, 255) @Matches(AS_GIVEN, asGiven) name!: string;
  @IsOptional() @IsTimeZone() @JSONSchema({ examples: ['America/Chicago'] }) timezone?: string;
  @IsOptional() @IsString() @Length(2, 16) @Matches(PLAIN, plain) language?: string;
  @IsOptional() @IsString() @MaxLength(255) @Matches(PLAIN, plain) accountsReference?: string;
  @IsOptional() @IsInt() @Min(0) @Max(90) @JSONSchema({ default: 14 }) trialDurationDays?: number;
  /** Compared without case; each belongs to one system provider only. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(MOST_HOST_NAMES)
  @ArrayUnique((host: unknown) => String(host).toLowerCase())
  @IsString({ each: true })
  @Length(1, 253, { each: true })
  @Matches(HOST_NAME, { ...hostName, each: true })
  serverHostNames?: string[];
}

/** Null for timezone, language, accounts reference or trial duration: as the system provider above has it. */
export class UpdateSystemProvider {
  @IsUUID() id!: string;
  @IsOptional() @IsInt() version?: number;
  @IsOptional() @IsString() @Length(1, 255) @Matches(AS_GIVEN, asGiven) name?: string;
  @IsOptional() @IsTimeZone() @Clearable() timezone?: string | null;
  @IsOptional() @IsString() @Length(2, 16) @Matches(PLAIN, plain) @Clearable() language?: string | null;
  @IsOptional() @IsString() @MaxLength(255) @Matches(PLAIN, plain) @Clearable() accountsReference?: string | null;
  @IsOptional() @IsInt() @Min(0) @Max(90) @Clearable('integer') trialDurationDays?: number | null;
  /** The whole list: those left out are given up. Where there was one, one must remain. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(MOST_HOST_NAMES)
  @ArrayUnique((host: unknown) => String(host).toLowerCase())
  @IsString({ each: true })
  @Length(1, 253, { each: true })
  @Matches(HOST_NAME, { ...hostName, each: true })
  serverHostNames?: string[];
}

/** Everything in scope; with `parentId` the children of that one, with `descendants` also what is below those. */
export class ListSystemProviders extends ListQuery {
  @IsOptional() @IsUUID() parentId?: string;
  @IsOptional() @IsBoolean() @JSONSchema({ default: false }) descendants?: boolean;
}

export class SystemProviderView {
  @IsUUID() id!: string;
  /** Absent at the top of the tree, and for anyone who does not see the system provider above. */
  @IsOptional() @IsUUID() parentId?: string;
  @IsOptional() @IsString() key?: string;
  @IsString() name!: string;
  /** This and the next three as they apply here, set here or above; `GET …/settings` says where. */
  @IsString() timezone!: string;
  @IsString() language!: string;
  @IsOptional() @IsString() accountsReference?: string;
  @IsInt() trialDurationDays!: number;
  @IsArray() @IsString({ each: true }) serverHostNames!: string[];
  @IsInt() version!: number;
  @IsISO8601() createdAt!: string;
}

export interface ProviderIdsView {
  /** The system provider itself and all below it. */
  ids: string[];
}

// Server host names

export class AddServerHostName {
  /** The system provider. */
  @IsUUID() id!: string;
  /** Compared without case; belongs to one system provider only. */
  @IsString()
  @Length(1, 253)
  @Matches(HOST_NAME, hostName)
  @JSONSchema({ examples: ['xsp1.carrier.example'] })
  hostName!: string;
}
export class RemoveServerHostName {
  @IsUUID() id!: string;
  @IsString() @Length(1, 253) hostName!: string;
}
export class ListServerHostNames extends ListQuery {
  @IsUUID() id!: string;
}
export class ServerHostNameView {
  @IsString() hostName!: string;
  @IsISO8601() createdAt!: string;
}

// Settings

export const SNAPSHOT_REPORT_FREQUENCIES = ['none', 'daily', 'weekly', 'monthly'] as const;
export type SnapshotReportFrequency = (typeof SNAPSHOT_REPORT_FREQUENCIES)[number];
export const RESELLER_KINDS = ['enterprise', 'service-provider'] as const;
export type ResellerKind = (typeof RESELLER_KINDS)[number];

/** Null takes a setting back: from then on it is as the node above has it. What is not given stays. */
class ChangeSettings {
  @IsUUID() id!: string;
  @IsOptional() @IsInt() version?: number;
  @IsOptional() @IsTimeZone() @Clearable() timezone?: string | null;
  @IsOptional() @IsString() @Length(2, 16) @Matches(PLAIN, plain) @Clearable() language?: string | null;
  @IsOptional() @IsString() @Length(1, 255) @Matches(PLAIN, plain) @Clearable() brandingReference?: string | null;
}
export class ChangeUserSettings extends ChangeSettings {}
export class ChangeGroupSettings extends ChangeSettings {}
export class ChangeResellerSettings extends ChangeSettings {
  @IsOptional() @IsString() @Length(1, 255) @Matches(PLAIN, plain) @Clearable() accountsReference?: string | null;
}
export class ChangeProviderSettings extends ChangeResellerSettings {
  /** Whole days; 0 means no trials. Running trials keep their end. */
  @IsOptional() @IsInt() @Min(0) @Max(90) @Clearable('integer') trialDurationDays?: number | null;
  /** A license assigned during a trial is used when the trial is over, not at once. */
  @IsOptional() @IsBoolean() @Clearable('boolean') useTrialLicensesUntilExpiration?: boolean | null;
  @IsOptional()
  @IsIn(SNAPSHOT_REPORT_FREQUENCIES)
  @Clearable()
  snapshotReportFrequency?: SnapshotReportFrequency | null;
  /** What a client asks for whose user is not known: true creates the user, false refuses. */
  @IsOptional() @IsBoolean() @Clearable('boolean') autoCreateFromClient?: boolean | null;
  /** The back office may add portal users, who are invited by mail. Only people change this, and are notified of each. */
  @IsOptional() @IsBoolean() @Clearable('boolean') inviteFromBackOffice?: boolean | null;
  /** Kind of a reseller that comes to be with its first user. */
  @IsOptional() @IsIn(RESELLER_KINDS) @Clearable() newResellerKind?: ResellerKind | null;
  /**
   * Per application the license type assigned when its trial ends, or `none`. The object replaces the one before;
   * applications it leaves out are as the system provider above has them.
   */
  @IsOptional()
  @IsObject()
  @Clearable('object')
  @JSONSchema({ additionalProperties: { type: 'string' }, examples: [{ UnityDesktop: 'Pro', UnityAgent: 'none' }] })
  automaticAssignment?: Record<string, string> | null;
}

export const SETTING_LEVELS = ['system-provider', 'reseller', 'group', 'user'] as const;
export type SettingLevel = (typeof SETTING_LEVELS)[number];

export class GetSettings {
  @IsUUID() id!: string;
  @IsIn(SETTING_LEVELS) level!: SettingLevel;
}

/** Where a value comes from. Id and name are absent where the caller does not see that node, or it is the default. */
export class SettingOrigin {
  /** `platform`: nobody set it, so it is the default. */
  @IsIn(['platform', ...SETTING_LEVELS]) level!: 'platform' | SettingLevel;
  @IsOptional() @IsUUID() id?: string;
  @IsOptional() @IsString() name?: string;
}
export class TextSetting {
  @IsOptional() @IsString() @JSONSchema({ type: ['string', 'null'] }) value!: string | null;
  @ValidateNested() @Type(() => SettingOrigin) from!: SettingOrigin;
}
export class NumberSetting {
  @IsInt() value!: number;
  @ValidateNested() @Type(() => SettingOrigin) from!: SettingOrigin;
}
export class FlagSetting {
  @IsBoolean() value!: boolean;
  @ValidateNested() @Type(() => SettingOrigin) from!: SettingOrigin;
}
/** Every setting that applies at the node's level. */
export class NodeSettings {
  @ValidateNested() @Type(() => TextSetting) timezone!: TextSetting;
  @ValidateNested() @Type(() => TextSetting) language!: TextSetting;
  @ValidateNested() @Type(() => TextSetting) brandingReference!: TextSetting;
  /** From here on for resellers and system providers only. */
  @IsOptional() @ValidateNested() @Type(() => TextSetting) accountsReference?: TextSetting;
  /** From here on for system providers only. */
  @IsOptional() @ValidateNested() @Type(() => NumberSetting) trialDurationDays?: NumberSetting;
  @IsOptional() @ValidateNested() @Type(() => FlagSetting) useTrialLicensesUntilExpiration?: FlagSetting;
  @IsOptional() @ValidateNested() @Type(() => TextSetting) snapshotReportFrequency?: TextSetting;
  @IsOptional() @ValidateNested() @Type(() => FlagSetting) autoCreateFromClient?: FlagSetting;
  @IsOptional() @ValidateNested() @Type(() => FlagSetting) inviteFromBackOffice?: FlagSetting;
  @IsOptional() @ValidateNested() @Type(() => TextSetting) newResellerKind?: TextSetting;
  /** By application; one that nobody set is not there. */
  @IsOptional()
  @IsObject()
  @JSONSchema({ additionalProperties: { $ref: '#/components/schemas/TextSetting' } })
  automaticAssignment?: Record<string, TextSetting>;
}
export class SettingsView {
  @IsUUID() id!: string;
  @IsIn(SETTING_LEVELS) level!: SettingLevel;
  @IsInt() version!: number;
  @ValidateNested() @Type(() => NodeSettings) settings!: NodeSettings;
}

export const createSystemProvider = define<CreateSystemProvider, SystemProviderView>(
  'create-system-provider',
  CreateSystemProvider,
);
export const updateSystemProvider = define<UpdateSystemProvider, SystemProviderView>(
  'update-system-provider',
  UpdateSystemProvider,
);
export const getSystemProvider = define<ById, SystemProviderView>('get-system-provider', ById);
export const listSystemProviders = define<ListSystemProviders, Page<SystemProviderView>>(
  'list-system-providers',
  ListSystemProviders,
);
export const deleteSystemProvider = define<ById, null>('delete-system-provider', ById);
/** For services that don't know the tree. */
export const listProviderIds = define<ById, ProviderIdsView>('list-provider-ids', ById);

export const addServerHostName = define<AddServerHostName, ServerHostNameView>(
  'add-server-host-name',
  AddServerHostName,
);
export const removeServerHostName = define<RemoveServerHostName, null>('remove-server-host-name', RemoveServerHostName);
export const listServerHostNames = define<ListServerHostNames, Page<ServerHostNameView>>(
  'list-server-host-names',
  ListServerHostNames,
);

export const getSettings = define<GetSettings, SettingsView>('get-settings', GetSettings);
export const changeProviderSettings = define<ChangeProviderSettings, SettingsView>(
  'change-provider-settings',
  ChangeProviderSettings,
);
export const changeResellerSettings = define<ChangeResellerSettings, SettingsView>(
  'change-reseller-settings',
  ChangeResellerSettings,
);
export const changeGroupSettings = define<ChangeGroupSettings, SettingsView>(
  'change-group-settings',
  ChangeGroupSettings,
);
export const changeUserSettings = define<ChangeUserSettings, SettingsView>('change-user-settings', ChangeUserSettings);
