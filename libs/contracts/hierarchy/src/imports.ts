import { Type } from 'class-transformer';
import {
  IsBoolean,
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
} from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import type { Page } from '@strowger/kernel';
import { define } from './define.js';
import { ById } from './requests.js';
import { AS_GIVEN, asGiven, PLAIN, plain } from './rules.js';

export { AS_GIVEN };

/** The columns of an import, in any order; the first of each pair and `broadworksUserId` are required. */
export const IMPORT_COLUMNS = [
  'resellerId',
  'resellerName',
  'groupId',
  'groupName',
  'broadworksUserId',
  'userName',
  'applicationName',
  'licenseType',
] as const;
export type ImportColumn = (typeof IMPORT_COLUMNS)[number];
export const REQUIRED_IMPORT_COLUMNS: readonly ImportColumn[] = ['resellerId', 'groupId', 'broadworksUserId'];

/** Characters (UTF-16) of a file that travel in one message: at six bytes each, as JSON may need, they still fit. */
export const IMPORT_PART_LENGTH = 128 * 1024;

/** Opens an import; its file follows in parts. Safe to repeat with the same id. */
export class StartImport {
  @IsOptional() @IsUUID() id?: string;
  @IsUUID() systemProviderId!: string;
  @IsOptional() @IsString() @Length(1, 255) @Matches(AS_GIVEN, asGiven) fileName?: string;
  /** Reports what each row would do, and does nothing. */
  @IsOptional() @IsBoolean() dryRun?: boolean;
}
/** The next part of the file, counted from 0. Safe to repeat. */
export class AddImportPart {
  @IsUUID() id!: string;
  @IsInt() @Min(0) @Max(100_000) number!: number;
  @IsString() @MaxLength(IMPORT_PART_LENGTH) content!: string;
}
/** The file is complete and may be worked off. Safe to repeat. */
export class FinishImport {
  @IsUUID() id!: string;
  @IsInt() @Min(0) @Max(100_000) parts!: number;
}
export class ListImports {
  @IsUUID() systemProviderId!: string;
  @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) @JSONSchema({ default: 50 }) limit?: number;
  @IsOptional() @IsString() @MaxLength(500) cursor?: string;
}

export const IMPORT_STATES = ['receiving', 'waiting', 'running', 'done', 'failed', 'cancelled'] as const;
export type ImportState = (typeof IMPORT_STATES)[number];
export const IMPORT_ROW_STATES = ['pending', 'created', 'kept', 'failed'] as const;
export type ImportRowState = (typeof IMPORT_ROW_STATES)[number];

export class ListImportRows {
  @IsUUID() id!: string;
  @IsOptional() @IsIn(IMPORT_ROW_STATES) state?: ImportRowState;
  @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) @JSONSchema({ default: 50 }) limit?: number;
  @IsOptional() @IsString() @MaxLength(500) @Matches(PLAIN, plain) cursor?: string;
}

export class ImportView {
  @IsUUID() id!: string;
  @IsUUID() systemProviderId!: string;
  @IsOptional() @IsString() fileName?: string;
  @IsBoolean() dryRun!: boolean;
  /** `waiting`: received and not read yet; `failed`: the file as a whole could not be read, see `problem`. */
  @IsIn(IMPORT_STATES) state!: ImportState;
  /** Rows of the file without its header and blank ones; known once it runs. */
  @IsInt() rows!: number;
  /** Rows that made a user; in a dry run: that would. */
  @IsInt() created!: number;
  /** Rows whose user was there already. */
  @IsInt() kept!: number;
  /** Rows that did nothing, with the reason in the row. */
  @IsInt() failed!: number;
  @IsOptional() @IsString() problem?: string;
  @IsISO8601() createdAt!: string;
  @IsOptional() @IsISO8601() finishedAt?: string;
}

export class ImportRowView {
  /** As a spreadsheet counts: the header is row 1. */
  @IsInt() @JSONSchema({ examples: [2] }) row!: number;
  @IsIn(IMPORT_ROW_STATES) result!: ImportRowState;
  /** Why it failed; the same codes as everywhere. */
  @IsOptional() @IsString() @JSONSchema({ examples: ['USER_IN_OTHER_GROUP'] }) code?: string;
  @IsOptional() @IsString() message?: string;
  @IsOptional() @IsUUID() userId?: string;
  @IsString() resellerId!: string;
  @IsString() resellerName!: string;
  @IsString() groupId!: string;
  @IsString() groupName!: string;
  @IsString() broadworksUserId!: string;
  @IsString() userName!: string;
  @IsString() applicationName!: string;
  @IsString() licenseType!: string;
}

export const startImport = define<StartImport, ImportView>('start-import', StartImport);
export const addImportPart = define<AddImportPart, null>('add-import-part', AddImportPart);
export const finishImport = define<FinishImport, ImportView>('finish-import', FinishImport);
export const getImport = define<ById, ImportView>('get-import', ById);
/** Newest first. */
export const listImports = define<ListImports, Page<ImportView>>('list-imports', ListImports);
/** In the order of the file. */
export const listImportRows = define<ListImportRows, Page<ImportRowView>>('list-import-rows', ListImportRows);
/** What was done stays done. */
export const cancelImport = define<ById, ImportView>('cancel-import', ById);
